import { Client } from 'pg';

/** A connection past the product, for tests that look at what is stored. */
export async function connectDirectly(connectionString: string): Promise<Pick<Client, 'query' | 'end'>> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}
