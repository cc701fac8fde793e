/** Compares every statement of the product with the migrated schema on both databases, without running one. */
import { globSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Client, type ClientBase } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { declaredStatements, openEmbedded, type Statement, statement } from '#platform/database/index.ts';
import { copyEmbedded, remove } from './support/embedded-template.ts';
import { cloneDatabase } from './support/postgres.ts';
import { describeFaults, readNullability } from './support/statement-descriptions.ts';
import { isPlanned, planFaults, pretendLarge, type ReviewedScans } from './support/statement-plans.ts';

/** Reviewed by hand: each entry asserts that the table or the read stays small. */
const reviewed: ReviewedScans = {
  smallTables: [
    'deployment',
    'clients',
    'identity_providers',
    'data_keys',
    'signing_keys',
    'job_schedules',
    'schema_migrations',
  ],
  // Reads the 100,000 newest counters of unknown identifiers to find the cap.
  orderedScans: ['attempt_counters.delete_unknown attempt_counters_unknown'],
};

/** Nullable columns that a check constraint keeps from being null in the selected rows. */
const neverNull = [
  'jobs.list_dead finishedAt',
  'invitations.list_open asTyped',
  'invitations.find_active asTyped',
  'invitations.find_active canonical',
  'invitations.find_active_by_id asTyped',
  'invitations.find_active_by_id canonical',
  'invitations.use asTyped',
  'invitations.use canonical',
  'invitations.use_by_id asTyped',
  'invitations.use_by_id canonical',
];

const source = fileURLToPath(new URL('../src/', import.meta.url));
let product: readonly Statement[];
let faulty: readonly Statement[];
let unbounded: readonly Statement[];

beforeAll(async () => {
  const files = globSync('{domain,platform,flows}/**/*.ts', { cwd: source, exclude: ['**/*.test.ts'] });
  for (const file of files) await import(pathToFileURL(source + file).href);
  product = declaredStatements();
  faulty = declareFaulty();
  unbounded = declareUnbounded();
});

async function withPostgres<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: await cloneDatabase() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function withEmbedded<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
  const dataDirectory = await copyEmbedded();
  const database = await openEmbedded({ clock: systemClock, dataDirectory });
  try {
    return await database.exclusively(work);
  } finally {
    await database.close();
    await remove(dataDirectory);
  }
}

async function descriptionFaults(client: ClientBase, statements: readonly Statement[]): Promise<string[]> {
  const nullability = await readNullability(client, neverNull);
  const faults: string[] = [];
  for (const current of statements) faults.push(...(await describeFaults(client, current, nullability)));
  return faults;
}

async function scanFaults(client: ClientBase, statements: readonly Statement[]): Promise<string[]> {
  const faults: string[] = [];
  await pretendLarge(client, reviewed);
  for (const current of statements.filter(isPlanned)) faults.push(...(await planFaults(client, current, reviewed)));
  return faults;
}

describe.each([
  ['PostgreSQL', withPostgres],
  ['PGlite', withEmbedded],
] as const)('the statements on %s', (_, withClient) => {
  it('have the parameters and columns that they declare, and an index bounds them', async () => {
    expect(product.length).toBeGreaterThan(10);
    const faults = await withClient(async (client) => [
      ...(await descriptionFaults(client, product)),
      ...(await scanFaults(client, product)),
    ]);
    expect([...new Set(faults)]).toEqual([]);
  });

  it('the check finds a wrong type, name, count or null', async () => {
    expect(await withClient((client) => descriptionFaults(client, faulty))).toEqual([
      'wrong.param: parameter id is declared text and is uuid',
      'wrong.column: column status is declared int4 and is text',
      'wrong.name: column userStatus is named status in the SQL',
      'wrong.count: declares 1 columns and returns 2',
      'wrong.null: column disabledAt is declared timestamptz and may be null',
      'wrong.outer_join: column verifiedAt is declared timestamptz and may be null',
      'wrong.outer_join: column canonical is declared text and an outer join may make it null',
      'wrong.type: column at is declared timestamptz and is an unused type (OID 1114)',
      'wrong.table: relation "nowhere" does not exist',
    ]);
  });

  it('the check finds a scan of a table that grows', async () => {
    expect(await withClient((client) => scanFaults(client, unbounded))).toEqual([
      'unbounded.filter: reads the whole table users: no index helps',
      'unbounded.order: reads the whole index users_created_at of users',
      'unbounded.update: reads the whole table sessions: no index helps',
    ]);
  });
});

/** Statements with faults; declared only after the product's statements are listed. */
function declareFaulty(): readonly Statement[] {
  const lane = 'read';
  return [
    statement('wrong.param', {
      lane,
      sql: 'select name from users where id = :id',
      params: { id: 'text' },
      columns: { name: 'text' },
    }),
    statement('wrong.column', { lane, sql: 'select status from users', params: {}, columns: { status: 'int4' } }),
    statement('wrong.name', { lane, sql: 'select status from users', params: {}, columns: { userStatus: 'text' } }),
    statement('wrong.count', { lane, sql: 'select id, name from users', params: {}, columns: { id: 'uuid' } }),
    statement('wrong.null', {
      lane,
      sql: 'with found as (select disabled_at from users) select disabled_at from found',
      params: {},
      columns: { disabledAt: 'timestamptz' },
    }),
    statement('wrong.outer_join', {
      lane,
      sql: `select u.id, i.verified_at, i.canonical, coalesce(i.kind, '') as kind, i.as_typed
              from users u left join identifiers as i on i.user_id = u.id`,
      params: {},
      columns: { id: 'uuid', verifiedAt: 'timestamptz', canonical: 'text', kind: 'text', asTyped: 'text?' },
    }),
    statement('wrong.type', {
      lane,
      sql: 'select at::timestamp as at from audit_events',
      params: {},
      columns: { at: 'timestamptz' },
    }),
    statement('wrong.table', { lane, sql: 'select id from nowhere', params: {}, columns: { id: 'uuid' } }),
  ];
}

function declareUnbounded(): readonly Statement[] {
  return [
    statement('unbounded.filter', {
      lane: 'read',
      sql: 'select id from users where name = :name',
      params: { name: 'text' },
      columns: { id: 'uuid' },
    }),
    statement('unbounded.order', {
      lane: 'read',
      sql: 'select id from users order by created_at, id limit 10',
      params: {},
      columns: { id: 'uuid' },
    }),
    statement('unbounded.update', {
      lane: 'pool',
      sql: 'with ended as (update sessions set acr = :acr returning id) select count(*) as ended from ended',
      params: { acr: 'text' },
      columns: { ended: 'int8' },
    }),
  ];
}
