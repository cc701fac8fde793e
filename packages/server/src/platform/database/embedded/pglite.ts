/**
 * Starting PGlite. Everything that was measured about it stands here.
 *
 * Without the two flags V8 compiles the engine a second time, optimised, in the first seconds of load, and memory peaks
 * at 660–830 MB; with both it stays at 150–210 MB at the same speed. One flag alone does nothing. They must be set before
 * the engine is compiled, hence the import at the moment of need, which also keeps it out of every process that uses
 * PostgreSQL.
 */
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type { PGlite } from '@electric-sql/pglite';
import { Client } from 'pg';

/** Replaces postgresql.conf at every start. Handed over as start parameters instead, PGlite does not start. */
const settings = [
  // One process with one connection; 128 MB would only be memory.
  'shared_buffers=16MB',
  'max_connections=4',
  'wal_buffers=512kB',
  // No LLVM in it.
  'jit=off',
  // How many log segments a checkpoint keeps for reuse.
  'min_wal_size=32MB',
  'max_wal_size=64MB',
];

/** A statement takes five messages and 50 to 1,000 µs: a turn comes after about ten. */
const messagesPerTurn = 50;

/** PGlite and the only client that may ever be connected to it. */
export interface Engine {
  readonly pglite: PGlite;
  readonly client: Client;
  /** Does `work` while no statement runs; those sent meanwhile wait. One at a time, and `work` may send none itself. */
  whilePaused<T>(work: () => Promise<T>): Promise<T>;
}

/** Starts PGlite on a cluster: a directory, or an archive that is loaded into memory. */
export async function startEngine(source: { dataDir: string } | { loadDataDir: Blob }): Promise<Engine> {
  setFlagsFromString('--no-wasm-dynamic-tiering');
  setFlagsFromString('--no-wasm-tier-up');
  const [{ PGlite }, { createPgConfig }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite/node-postgres'),
  ]);
  const pglite = await PGlite.create({ ...source, postgresqlconf: settings });
  const whilePaused = makePausable(pglite);
  const client = new Client(Object.assign(createPgConfig(pglite), { pipeline: true }));
  await client.connect();
  // PGlite's own start may have left statements and settings behind.
  await client.query('DISCARD ALL');
  return { pglite, client, whilePaused };
}

/**
 * Takes hold of the one method by which everything from pg's client enters; PGlite's `runExclusive` does not hold it back.
 * PGlite answers within microtasks, so that a loop of statements would keep sockets, timers and files waiting until it
 * ends: now and then a statement therefore waits for one turn of the event loop.
 */
function makePausable(pglite: PGlite): Engine['whilePaused'] {
  let pause: Promise<unknown> = Promise.resolve();
  let messages = 0;
  const execute = pglite.execProtocolStream.bind(pglite);
  pglite.execProtocolStream = async (message, options) => {
    messages += 1;
    if (messages % messagesPerTurn === 0) await setImmediate();
    await pause;
    return execute(message, options);
  };
  return (work) => {
    const working = pause.then(work);
    // A failure is the caller's to handle; the statements go on either way.
    pause = working.then(
      () => undefined,
      () => undefined,
    );
    return working;
  };
}

/** The version of PGlite that is installed. */
export function installedPgliteVersion(): string {
  const require = createRequire(import.meta.url);
  const { version } = require(require.resolve('@electric-sql/pglite').replace(/dist\/.*$/, 'package.json')) as {
    version: string;
  };
  return version;
}
