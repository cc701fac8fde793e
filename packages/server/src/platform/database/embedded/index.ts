/**
 * The embedded PostgreSQL (PGlite): one cluster in `pgdata` of the data directory, and its backups beside it. Owns
 * these files and no table.
 *
 * Invariants:
 * - A cluster is open at most once in a process and has exactly one client: with two, each received rows of the other,
 *   without an error. Across processes, the caller holds the lock of the data directory.
 * - A cluster that was unpacked only in part is never opened.
 *
 * The cluster survives a crash of the process, not of the machine: PGlite never syncs its files.
 */
export { writeBackup } from './backup.ts';
export { type EmbeddedCluster, openEmbeddedCluster } from './cluster.ts';
export { makeSnapshot } from './snapshot.ts';
