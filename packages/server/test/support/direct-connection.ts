import { Client } from 'pg';

/** Opens a connection that bypasses the product, for tests that inspect stored rows. */
export async function connectDirectly(connectionString: string): Promise<Pick<Client, 'query' | 'end'>> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}
