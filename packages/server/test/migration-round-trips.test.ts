/** Reverting a migration leaves the schema as it was before: a rollback must not depend on what its down file forgot. */
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { migrateDown, migrateUp } from '#platform/database/index.ts';
import { labelOf, ownMigrations } from '#platform/database/migrations/files.ts';
import { serverAt } from './support/parsed.ts';
import { createDatabase } from './support/postgres.ts';

/** Everything that a migration may create, as PostgreSQL describes it. */
const describeSchema = `
  select 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
      || case when a.attnotnull then ' not null' else '' end || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
  union all select 'table ' || oid::regclass || ' ' || relkind::text || coalesce(' with ' || reloptions::text, '')
    from pg_class where relkind in ('r', 'p', 'S') and relnamespace = 'public'::regnamespace
  union all select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace
  union all select pg_get_indexdef(indexrelid) from pg_index join pg_class c on c.oid = indexrelid
    where c.relnamespace = 'public'::regnamespace
  union all select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
  union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
  order by line`;

it('every migration is reverted completely', async () => {
  const url = await createDatabase();
  const server = serverAt(url);
  const client = new Client({ connectionString: url });
  await client.connect();
  // A constraint that a down file adds is not validated, because that would lock its table.
  const schema = async () => {
    const { rows } = await client.query<{ line: string }>(describeSchema);
    return rows.map(({ line }) => line.replace(/ NOT VALID$/, ''));
  };
  const changing: number[] = [];
  try {
    for (const migration of ownMigrations()) {
      const { number } = migration;
      await migrateUp(server, { to: number - 1 });
      const before = await schema();
      await migrateUp(server, { to: number });
      const after = await schema();
      if (after.length > before.length) changing.push(number);
      await migrateDown(server, { to: number - 1, deleteData: false });
      expect(await schema(), labelOf(migration)).toEqual(before);
    }
  } finally {
    await client.end();
  }
  // Otherwise the description would miss what they create.
  expect(changing).toEqual(ownMigrations().flatMap(({ number, up }) => (/^(?:create|alter) /m.test(up) ? number : [])));
});
