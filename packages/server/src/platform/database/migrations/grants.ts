/** The privileges of the serving role when another role owns the tables: it can use rows and cannot change tables. */
import { type ClientBase, escapeIdentifier } from 'pg';

const everything = 'select, insert, update, delete';

/** The audit log also has triggers against changes; without the privilege they cannot be disabled by accident. */
const narrower: Readonly<Record<string, string>> = {
  audit_events: 'select, insert',
  audit_leaves: 'select, insert',
  schema_migrations: 'select',
};

interface TableRow {
  readonly table: string;
  readonly isPartition: boolean;
}

const readTables = `select relname::text as "table", relispartition as "isPartition" from pg_catalog.pg_class
  where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace`;

const readFunctions = `select oid::regprocedure::text as signature from pg_catalog.pg_proc
  where prosecdef and pronamespace = current_schema()::regnamespace`;

/**
 * Grants `role` exactly the privileges that it needs in the current schema: on tables, their sequences, and the functions that run with
 * the rights of the owner. A partition needs none, because statements name its table.
 */
export async function grantServingRole(client: ClientBase, role: string): Promise<void> {
  const tables = await client.query<TableRow>(readTables);
  const functions = await client.query<{ signature: string }>(readFunctions);
  const named = await client.query<{ schema: string }>('select current_schema()::text as schema');
  const to = escapeIdentifier(role);
  const schema = escapeIdentifier(named.rows[0]?.schema ?? 'public');
  const grants = tables.rows.map(({ table, isPartition }) => {
    const name = `${schema}.${escapeIdentifier(table)}`;
    const revoke = `revoke all on ${name} from ${to};`;
    return isPartition ? revoke : `${revoke} grant ${narrower[table] ?? everything} on ${name} to ${to};`;
  });
  const executions = functions.rows.map(({ signature }) => `grant execute on function ${signature} to ${to};`);
  const usage = `grant usage on schema ${schema} to ${to}; grant select on all sequences in schema ${schema} to ${to};`;
  await client.query([usage, ...grants, ...executions].join('\n'));
}
