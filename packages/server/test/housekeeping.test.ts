/** Ninety days of traffic by the clock: what grows by use is bounded by design (ARCHITECTURE.md). */
import { beforeAll, describe, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { Application } from './support/application.ts';
import { addActiveUser, advanceToNextSweep, simulateDay } from './support/daily-traffic.ts';
import { countTables, type TableCounts } from './support/table-counts.ts';

/**
 * What keeps a table small; reviewed by hand, a table without a line here fails.
 * `use`: rows come with use and go `days` days later at most. `people`: rows are there as long as their person is.
 * `operator`: rows come by an operator's act, or are there from the start. `design`: it grows, and shall.
 */
type Bound =
  | { readonly by: 'use'; readonly days: number }
  | { readonly by: 'people' | 'operator' | 'design'; readonly because: string };

const bounds: Readonly<Record<string, Bound>> = {
  attempt_counters: {
    by: 'people',
    because: 'one of each kind for each person; those of unknown addresses go after 30 days',
  },
  audit_events: { by: 'design', because: 'the log is append-only and kept whole' },
  audit_index: { by: 'use', days: 90 },
  audit_leaves: { by: 'design', because: 'one for each sealed event' },
  clients: { by: 'operator', because: 'one for each application' },
  data_keys: { by: 'design', because: 'one for each month and for each rotation' },
  deployment: { by: 'operator', because: 'one row' },
  devices: { by: 'use', days: 180 },
  revocations: { by: 'use', days: 1 },
  erased_subjects: {
    by: 'design',
    because: 'one for each account that was ever erased; nobody may have its subject again',
  },
  identifiers: { by: 'people', because: 'unproven ones go with their user after a week, given up ones after 72 hours' },
  invitations: { by: 'use', days: 14 },
  job_schedules: { by: 'operator', because: 'one for each schedule in the program' },
  jobs: { by: 'use', days: 30 },
  logins: { by: 'use', days: 1 },
  mail_attempts: { by: 'use', days: 90 },
  mail_ledger: { by: 'use', days: 90 },
  one_time_tokens: { by: 'use', days: 8 },
  passwords: { by: 'people', because: 'one for each person' },
  rate_limit_counters: { by: 'use', days: 1 },
  refresh_families: { by: 'use', days: 15 },
  refresh_tokens: { by: 'use', days: 8 },
  role_assignments: { by: 'people', because: 'one for each role of a person' },
  schema_migrations: { by: 'operator', because: 'one for each migration' },
  sessions: { by: 'use', days: 15 },
  signing_keys: { by: 'operator', because: 'one for each rotation' },
  user_keys: { by: 'people', because: 'one for each person' },
  users: { by: 'people', because: 'unproven ones go after a week' },
};

const days = 90;
/** From here on every bound that is shorter than the rest of the traffic must show. */
const settledAfterDays = 45;

const countOrphans = statement('test_housekeeping.count_orphans', {
  lane: 'pool',
  sql: `select count(*)::int4 as orphans from attempt_counters a
    where a.known and not exists (select from users u where decode(replace(u.id::text, '-', ''), 'hex') = a.key)`,
  params: {},
  columns: { orphans: 'int4?' },
});

const history: TableCounts[] = [];
let start: TableCounts;
/** In the middle of the last day, before anything is swept. */
let during: TableCounts;
let end: TableCounts;
let orphans: number | null | undefined;

const tablesBy = (by: Bound['by']) =>
  Object.entries(bounds).flatMap(([table, bound]) => (bound.by === by ? [table] : []));
const longest = (table: string, from: number, to: number) =>
  Math.max(...history.slice(from, to).map((counts) => counts[table] ?? Number.NaN));

beforeAll(async () => {
  const app = await Application.open();
  const { database } = app.services;
  let regulars: readonly string[] = [];
  for (let person = 0; person < 4; person += 1) regulars = [...regulars, await addActiveUser(app)];
  start = await countTables(database);
  for (let day = 0; day < days; day += 1) {
    regulars = await simulateDay(app, regulars);
    during = await countTables(database);
    await advanceToNextSweep(app, '1d');
    history.push(await countTables(database));
  }
  orphans = (await database.row(countOrphans, {}))?.orphans;
  // Nobody comes any more.
  for (const advance of ['91d', '91d']) await advanceToNextSweep(app, advance);
  end = await countTables(database);
  await app.close();
}, 110_000);

describe('ninety days of traffic', () => {
  it('leave no table that nobody has thought about', () => {
    expect(Object.keys(history[0] ?? {}).sort()).toEqual(Object.keys(bounds).sort());
  });

  it('are traffic: what comes by use did come', () => {
    // Sealing alone will fill the index.
    expect(tablesBy('use').filter((table) => during[table] === 0)).toEqual(['audit_index']);
    expect(during.audit_events).toBeGreaterThan(days * 15);
  });

  it('show every table flat whose rows come by use, once its retention is over', () => {
    const short = Object.entries(bounds).filter(([, bound]) => bound.by === 'use' && bound.days < settledAfterDays);
    const grown = short.filter(([table]) => longest(table, 67, days) > longest(table, settledAfterDays, 67));
    expect(grown.map(([table]) => `${table}: ${history.map((counts) => counts[table]).join(' ')}`)).toEqual([]);
    expect(short.length).toBeGreaterThan(6);
  });

  it('show every table flat whose rows belong to people, when these stay the same', () => {
    const grown = tablesBy('people').filter((table) => longest(table, 67, days) > longest(table, settledAfterDays, 67));
    expect(grown).toEqual([]);
    expect(orphans).toBe(0);
  });

  it('leave nothing that came by use half a year later, and of people those who proved an address', () => {
    const left = Object.fromEntries(tablesBy('use').map((table) => [table, end[table]]));
    expect(left).toEqual(Object.fromEntries(tablesBy('use').map((table) => [table, 0])));
    for (const table of ['users', 'user_keys', 'identifiers', 'passwords']) expect(end[table]).toBe(start[table]);
    expect(end.attempt_counters).toBeLessThanOrEqual(end.users ?? 0);
  });
});
