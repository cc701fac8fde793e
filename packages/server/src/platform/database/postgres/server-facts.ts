/** What the database server says of itself, for whoever has to judge a deployment. */
import { present } from '#kernel/assert.ts';
import type { Queries } from '../database.ts';
import { statement } from '../statement.ts';

/** The server's version, and what its clock showed. */
export interface ServerFacts {
  readonly version: string;
  readonly at: Date;
}

/** The one statement that asks the server for the time: comparing clocks is all that the answer is good for. */
const read = statement('server.read_facts', {
  lane: 'pool',
  sql: `select current_setting('server_version') as version, clock_timestamp() as at`,
  params: {},
  columns: { version: 'text', at: 'timestamptz' },
});

/** One round trip: the server's clock was read at some time between asking and the answer. */
export async function readServerFacts(queries: Queries): Promise<ServerFacts> {
  return present(await queries.row(read, {}), 'the facts about the server');
}
