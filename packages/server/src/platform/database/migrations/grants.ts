/** The privileges of the serving role when another role owns the tables: it can use rows and cannot change tables. */
import { type ClientBase, escapeIdentifier } from 'pg';

const everything = 'select, insert, update, delete';

/** The audit log also has triggers against changes; without the privilege they cannot be disabled by accident. */
const narrower: Readonly<Record<string, string>> = {
  audit_events: 'select, insert',
  audit_leaves: 'select, insert',
  schema_migrations: 'select',
};

/** Grants `role` exactly the privileges that it needs on every table of the current schema. */
export async function grantServingRole(client: ClientBase, role: string): Promise<void> {
  const { rows } = await client.query<[string, string]>({
    text: `select schemaname::text, tablename::text from pg_catalog.pg_tables where schemaname = current_schema()`,
    rowMode: 'array',
  });
  const to = escapeIdentifier(role);
  const grants = rows.map(([schema, table]) => {
    const name = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
    return `revoke all on ${name} from ${to}; grant ${narrower[table] ?? everything} on ${name} to ${to};`;
  });
  const [schema = 'public'] = rows[0] ?? [];
  await client.query(`grant usage on schema ${escapeIdentifier(schema)} to ${to}; ${grants.join('\n')}`);
}
