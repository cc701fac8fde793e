/** Connections of an operator to servers that a test stops, kills and starts again. */
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { PostgresCluster } from './postgres-cluster.ts';

/** A connection of the superuser. */
export async function connectToPostgres(cluster: PostgresCluster): Promise<Client> {
  const client = new Client({ connectionString: cluster.adminUrl });
  // The server ends it in some of the trials.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** A connection that is made again until the server responds; end it with `disconnect`. */
export function connectToRedis(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: null, enableReadyCheck: false });
  redis.on('error', () => undefined);
  return redis;
}
