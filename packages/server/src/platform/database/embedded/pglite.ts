/**
 * Starts PGlite, with everything that was measured about it.
 *
 * Without the two flags, V8 compiles the engine a second time, optimized, in the first seconds of load, and memory
 * peaks at 660–830 MB; with both it stays at 150–210 MB at the same speed. One flag alone has no effect. They must be
 * set before the engine is compiled, so it is imported only when it is used; a process on PostgreSQL never imports it.
 */
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type { PGlite } from '@electric-sql/pglite';
import { Client } from 'pg';

/** Replaces postgresql.conf at every start. PGlite does not start with the same settings as start parameters. */
const settings = [
  // One process with one connection does not use 128 MB.
  'shared_buffers=16MB',
  'max_connections=4',
  'wal_buffers=512kB',
  // PGlite has no LLVM.
  'jit=off',
  // The log segments that a checkpoint keeps for reuse.
  'min_wal_size=32MB',
  'max_wal_size=64MB',
];

/** A statement takes five messages and 50 to 1,000 µs, so the event loop turns after about ten statements. */
const messagesPerTurn = 50;

/** PGlite and its only client. */
export interface Engine {
  readonly pglite: PGlite;
  readonly client: Client;
  /**
   * Runs `work` while no statement runs; statements wait meanwhile. One at a time; `work` must not send a statement.
   */
  whilePaused<T>(work: () => Promise<T>): Promise<T>;
}

/** Starts PGlite on the cluster in a directory. */
export async function startEngine(dataDir: string): Promise<Engine> {
  setFlagsFromString('--no-wasm-dynamic-tiering');
  setFlagsFromString('--no-wasm-tier-up');
  const [{ PGlite }, { createPgConfig }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite/node-postgres'),
  ]);
  const pglite = await PGlite.create({ dataDir, postgresqlconf: settings });
  const whilePaused = makePausable(pglite);
  const client = new Client(Object.assign(createPgConfig(pglite), { pipeline: true }));
  await client.connect();
  // PGlite's own start can leave statements and settings behind.
  await client.query('DISCARD ALL');
  return { pglite, client, whilePaused };
}

/**
 * Wraps the one method that everything from pg's client passes; PGlite's `runExclusive` does not delay it.
 * PGlite responds within microtasks, so a loop of statements would block sockets, timers and files until it ends: every
 * so many messages, one waits for a turn of the event loop.
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
    // The caller handles a failure; the statements continue either way.
    pause = working.then(
      () => undefined,
      () => undefined,
    );
    return working;
  };
}

/** The version of the installed PGlite. */
export function installedPgliteVersion(): string {
  const require = createRequire(import.meta.url);
  const { version } = require(require.resolve('@electric-sql/pglite').replace(/dist\/.*$/, 'package.json')) as {
    version: string;
  };
  return version;
}
