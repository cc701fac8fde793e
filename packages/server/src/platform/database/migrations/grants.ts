/** The rights of the role that serves, when another role owns the tables: it may use rows and change no table. */
import { type ClientBase, escapeIdentifier } from 'pg';

const everything = 'select, insert, update, delete';

/** Triggers refuse changes of the audit log too; without the right nobody can switch them off by accident. */
const narrower: Readonly<Record<string, string>> = {
  audit_events: 'select, insert',
  audit_leaves: 'select, insert',
  schema_migrations: 'select',
};

/** Gives `role` exactly the rights that it needs on every table of the current schema. */
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
