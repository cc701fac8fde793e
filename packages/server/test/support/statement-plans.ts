/**
 * Checks by the planner, without data, that an index bounds a statement's work: if sequential scans are disabled and a
 * generic plan still has one, no index fits.
 */
import type { ClientBase } from 'pg';
import type { Statement } from '#platform/database/index.ts';

/** A node of `explain (format json)`. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** Tables and indexes that may be read whole. */
export interface ReviewedScans {
  /** Tables that do not grow by use. */
  readonly smallTables: readonly string[];
  /** `statement index`: an index read from one end, in order, with a limit. */
  readonly orderedScans: readonly string[];
}

/**
 * Makes the planner treat every table of the schema as large, except `smallTables`.
 * The database is unusable afterwards: each table gets one row, for which checks and foreign keys are dropped, because
 * the planner takes a file without pages for empty regardless of the catalog. Only the default partition, which takes
 * that row, is kept.
 * Writing the catalog's row counts requires a superuser.
 */
export async function pretendLarge(client: ClientBase, reviewed: ReviewedScans): Promise<void> {
  await client.query(fillEveryTable);
  await client.query({
    text: `update pg_class set reltuples = 1000000, relpages = 1
            where relkind in ('r', 'i') and relnamespace = current_schema()::regnamespace
              and oid::regclass::text <> all ($1)`,
    values: [reviewed.smallTables],
  });
  await client.query('set plan_cache_mode = force_generic_plan; set enable_seqscan = off');
}

const fillEveryTable = `
  do $$
  declare
    each record;
  begin
    for each in
      select oid::regclass as relation from pg_class
       where relispartition and relkind = 'r' and pg_get_expr(relpartbound, oid) <> 'DEFAULT'
         and relnamespace = current_schema()::regnamespace
    loop
      execute format('drop table %s', each.relation);
    end loop;
    for each in
      select conrelid::regclass as relation, conname from pg_constraint
       where contype in ('c', 'f') and coninhcount = 0 and connamespace = current_schema()::regnamespace
    loop
      execute format('alter table %s drop constraint %I', each.relation, each.conname);
    end loop;
    for each in
      select c.oid::regclass as relation, string_agg(quote_ident(a.attname), ', ') as columns,
             string_agg(format('%L::%s',
               case format_type(a.atttypid, null)
                 when 'uuid' then '00000000-0000-0000-0000-000000000000'
                 when 'timestamp with time zone' then 'epoch'
                 when 'boolean' then 'true'
                 when 'integer' then '1'
                 when 'bigint' then '1'
                 when 'jsonb' then '{}'
                 when 'text[]' then '{}'
                 else ''
               end, format_type(a.atttypid, null)), ', ') as sample
        from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = current_schema()::regnamespace
         and a.attnum > 0 and a.attnotnull and not a.attisdropped and not a.atthasdef and a.attidentity = ''
       group by c.oid
    loop
      execute format('insert into %s (%s) values (%s) on conflict do nothing', each.relation, each.columns, each.sample);
    end loop;
  end
  $$`;

/** Utility statements have no plan. */
export function isPlanned(statement: Statement): boolean {
  return /^(select|insert|update|delete|with|values|merge)\b/i.test(statement.sql);
}

/** Returns a sentence for each scan that grows with its table. */
export async function planFaults(client: ClientBase, statement: Statement, reviewed: ReviewedScans): Promise<string[]> {
  let plan: PlanNode;
  try {
    plan = await explain(client, statement);
  } catch (error) {
    return [`${statement.name}: ${error instanceof Error ? error.message : String(error)}`];
  }
  const tableOf = await tablesByIndex(client);
  return nodesOf(plan).flatMap((node) => {
    const fault = scanFault(node, tableOf, statement.name, reviewed);
    return fault === undefined ? [] : [`${statement.name}: ${fault}`];
  });
}

function scanFault(
  node: PlanNode,
  tableOf: ReadonlyMap<string, string>,
  name: string,
  reviewed: ReviewedScans,
): string | undefined {
  const index = node['Index Name'];
  const table = index === undefined ? node['Relation Name'] : tableOf.get(index);
  if (table === undefined || reviewed.smallTables.includes(table)) return undefined;
  if (node['Node Type'] === 'Seq Scan') return `reads the whole table ${table}: no index helps`;
  const readsIndex = /^(Index Scan|Index Only Scan|Bitmap Index Scan)$/.test(node['Node Type']);
  if (!readsIndex || node['Index Cond'] !== undefined) return undefined;
  if (reviewed.orderedScans.includes(`${name} ${index}`)) return undefined;
  return `reads the whole index ${index} of ${table}`;
}

async function explain(client: ClientBase, statement: Statement): Promise<PlanNode> {
  const nulls = Object.keys(statement.params).map(() => 'null');
  const call = nulls.length === 0 ? 'explained' : `explained (${nulls.join(', ')})`;
  await client.query(`prepare explained as ${statement.sql}`);
  try {
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `explain (format json, costs off) execute ${call}`,
    );
    const [row] = rows;
    if (row === undefined) throw new Error('there is no plan');
    return row['QUERY PLAN'][0].Plan;
  } finally {
    await client.query('deallocate explained');
  }
}

async function tablesByIndex(client: ClientBase): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ index: string; table: string }>(
    'select indexrelid::regclass::text as index, indrelid::regclass::text as table from pg_index',
  );
  return new Map(rows.map(({ index, table }) => [index, table]));
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
