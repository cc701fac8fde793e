/**
 * Starting PGlite. Everything that was measured about it stands here.
 *
 * Without the two flags V8 compiles the engine a second time, optimised, in the first seconds of load, and memory peaks
 * at 660–830 MB; with both it stays at 150–210 MB at the same speed. One flag alone does nothing. They must be set before
 * the engine is compiled, hence the import at the moment of need, which also keeps it out of every process that uses
 * PostgreSQL.
 */
import { createRequire } from 'node:module';
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

/** PGlite and the only client that may ever be connected to it. */
export interface Engine {
  readonly pglite: PGlite;
  readonly client: Client;
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
  const client = new Client(Object.assign(createPgConfig(pglite), { pipeline: true }));
  await client.connect();
  // PGlite's own start may have left statements and settings behind.
  await client.query('DISCARD ALL');
  return { pglite, client };
}

/** The version of PGlite that is installed. */
export function installedPgliteVersion(): string {
  const require = createRequire(import.meta.url);
  const { version } = require(require.resolve('@electric-sql/pglite').replace(/dist\/.*$/, 'package.json')) as {
    version: string;
  };
  return version;
}
