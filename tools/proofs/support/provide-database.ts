import { type PostgresCluster, startPostgres } from '../../../packages/server/test/support/postgres-cluster.ts';

/** A PostgreSQL of the proof's own that keeps what it has committed; its database is empty. */
export type ProvidedDatabase = AsyncDisposable & { readonly url: string; readonly cluster: PostgresCluster };

/** Starts it; it ends with the block or with the process. */
export async function provideDatabase(): Promise<ProvidedDatabase> {
  const cluster = await startPostgres({ durable: true });
  return { url: cluster.url('postgres'), cluster, [Symbol.asyncDispose]: () => cluster.stop() };
}
