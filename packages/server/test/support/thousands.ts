/** Thousands of rows, copied from one that the product wrote, and rows that cannot be changed. */
import { type Database, type Queries, statement } from '#platform/database/index.ts';

const copySession = statement('test_thousands.copy_session', {
  lane: 'pool',
  sql: `insert into sessions (id, user_id, client_id, device_id, auth_epoch, transport, amr, acr, auth_time, factor_times,
      sealed_client_info, created_at, last_seen_at, idle_expires_at, expires_at)
    select gen_random_uuid(), user_id, client_id, device_id, auth_epoch, 'token', amr, acr, auth_time, factor_times,
      null, created_at, last_seen_at, idle_expires_at, expires_at
    from sessions, generate_series(1, :count::integer) where id = :id
    returning id`,
  params: { id: 'uuid', count: 'int4' },
  columns: { id: 'uuid' },
});

/** Adds `count` sessions like this one, without refresh tokens and client information, and returns their ids. */
export async function copySessions(queries: Queries, id: string, count: number): Promise<string[]> {
  return (await queries.rows(copySession, { id, count })).map((row) => row.id);
}

const ddl = (name: string, sql: string) =>
  statement(`test_thousands.${name}`, { lane: 'pool', sql, params: {}, columns: {} });

const prepare = [
  ddl('poisoned_rows', `create table if not exists test_poisoned_rows (id text primary key)`),
  ddl(
    'poison',
    `create or replace function test_poison() returns trigger language plpgsql as $$
      begin
        if exists (select from test_poisoned_rows p where p.id = old.id::text) then raise exception 'poisoned'; end if;
        if tg_op = 'DELETE' then return old; end if;
        return new;
      end $$`,
  ),
];

const triggerOn = (table: 'sessions' | 'users' | 'mail_ledger' | 'invitations') =>
  ddl(
    `poison_${table}`,
    `create or replace trigger test_poison before update or delete on ${table}
      for each row execute function test_poison()`,
  );

const triggers = {
  sessions: triggerOn('sessions'),
  users: triggerOn('users'),
  mail_ledger: triggerOn('mail_ledger'),
  invitations: triggerOn('invitations'),
} as const;

const addPoisoned = statement('test_thousands.add_poisoned', {
  lane: 'pool',
  sql: `insert into test_poisoned_rows (id) select unnest(:ids::text[])`,
  params: { ids: 'text[]' },
  columns: {},
});
const cure = ddl('cure', `delete from test_poisoned_rows`);

/** Every update and deletion of these rows fails, until `cureRows`. */
export async function poisonRows(
  database: Database,
  table: keyof typeof triggers,
  ids: readonly string[],
): Promise<void> {
  for (const part of [...prepare, triggers[table], cure]) await database.run(part, {});
  await database.run(addPoisoned, { ids: [...ids] });
}

export async function cureRows(database: Database): Promise<void> {
  await database.run(cure, {});
}
