import { type PostgresCluster, startPostgres } from '../../../packages/server/test/support/postgres-cluster.ts';

/** A private, durable PostgreSQL with an empty database. */
export type ProvidedDatabase = AsyncDisposable & { readonly url: string; readonly cluster: PostgresCluster };

/** Starts a cluster that stops at the end of the block or of the process. */
export async function provideDatabase(): Promise<ProvidedDatabase> {
  const cluster = await startPostgres({ durable: true });
  return { url: cluster.url('postgres'), cluster, [Symbol.asyncDispose]: () => cluster.stop() };
}
