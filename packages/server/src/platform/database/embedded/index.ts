/**
 * The embedded PostgreSQL (PGlite): one cluster in `pgdata` inside the data directory, and its backups beside it.
 * It owns those files and no table. Invariants: a cluster is open at most once in a process and has exactly one client for
 * as long as it is open (with two, queries were answered with each other's rows, without an error); across processes the
 * caller holds the data directory's lock. A cluster that was unpacked only in part is never opened.
 * It survives the death of the process, not of the machine: PGlite never syncs its files.
 */
export { writeBackup } from './backup.ts';
export { type ClusterLocation, type EmbeddedCluster, openEmbeddedCluster } from './cluster.ts';
export { makeSnapshot } from './snapshot.ts';
