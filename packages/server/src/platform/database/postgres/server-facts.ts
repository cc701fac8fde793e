/** Facts about the database server: its version, and the time of its clock, which every node follows. */
import { present } from '#kernel/assert.ts';
import type { Queries } from '../database.ts';
import { statement } from '../statement.ts';

/** The server's version and the time of its clock. */
export interface ServerFacts {
  readonly version: string;
  readonly at: Date;
}

/** The only statement that reads the server's time. Every other one gets the time as a parameter. */
const read = statement('server.read_facts', {
  lane: 'read',
  sql: `select current_setting('server_version') as version, clock_timestamp() as at`,
  params: {},
  columns: { version: 'text', at: 'timestamptz' },
});

/** One round trip: the server read its clock at some time within it. */
export async function readServerFacts(queries: Queries): Promise<ServerFacts> {
  return present(await queries.row(read, {}), 'the facts about the server');
}
