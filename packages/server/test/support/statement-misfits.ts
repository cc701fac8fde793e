import { Client } from 'pg';
import type { Statement } from '#platform/database/index.ts';
import { describeFaults, readNullability } from './statement-descriptions.ts';

/** A sentence for each statement that a database rejects, or whose parameters, columns or nulls are others there. */
export async function findMisfits(databaseUrl: string, statements: readonly Statement[]): Promise<ReadonlySet<string>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const nullability = await readNullability(client, []);
    const faults: string[] = [];
    for (const statement of statements) faults.push(...(await describeFaults(client, statement, nullability)));
    return new Set(faults);
  } finally {
    await client.end();
  }
}
