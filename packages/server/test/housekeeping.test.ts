/** Ninety days of traffic on a moved clock: tables that grow by use are bounded (docs/security/limits.md#other-bounds). */
import { beforeAll, describe, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { Application } from './support/application.ts';
import { addActiveUser, advanceToNextSweep, simulateDay } from './support/daily-traffic.ts';
import { countTables, type TableCounts } from './support/table-counts.ts';

/**
 * The reason why a table stays small. The list is reviewed by hand; a table without an entry fails the test.
 * `use`: rows come with use and are deleted after `days` days at most. `users`: rows exist as long as their user.
 * `operator`: rows come from an operator or a migration. `design`: the table grows intentionally.
 */
type Bound =
  | { readonly by: 'use'; readonly days: number }
  | { readonly by: 'users' | 'operator' | 'design'; readonly because: string };

const bounds: Readonly<Record<string, Bound>> = {
  attempt_counters: {
    by: 'users',
    because: 'one per kind and user; those of unknown addresses are deleted after 30 days',
  },
  applicant_keys: { by: 'use', days: 91 },
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
    because: 'one for each erased account; its subject is never reused',
  },
  federated_identities: { by: 'users', because: 'a few for each user; unlinked or deleted with the user' },
  identifiers: {
    by: 'users',
    because: 'unverified ones are deleted with their user after a week, released ones after 72 hours',
  },
  identity_providers: { by: 'operator', because: 'one for each provider' },
  invitations: { by: 'use', days: 14 },
  job_schedules: { by: 'operator', because: 'one for each schedule in the program' },
  jobs: { by: 'use', days: 30 },
  logins: { by: 'use', days: 1 },
  mail_attempts: { by: 'use', days: 90 },
  mail_ledger: { by: 'use', days: 90 },
  one_time_tokens: { by: 'use', days: 8 },
  passkeys: { by: 'users', because: 'twenty at most for each user' },
  passwords: { by: 'users', because: 'one for each user' },
  pending_identities: { by: 'use', days: 1 },
  provider_logins: { by: 'use', days: 1 },
  rate_limit_counters: { by: 'use', days: 1 },
  recovery_codes: { by: 'users', because: 'ten for each user with a second factor' },
  refresh_families: { by: 'use', days: 15 },
  refresh_tokens: { by: 'use', days: 8 },
  role_assignments: { by: 'users', because: 'one for each role of a user' },
  schema_migrations: { by: 'operator', because: 'one for each migration' },
  sessions: { by: 'use', days: 15 },
  signing_keys: { by: 'operator', because: 'one for each rotation' },
  totp_secrets: { by: 'users', because: 'two for each user: one confirmed, and one for a day until its first code' },
  used_nonces: { by: 'use', days: 1 },
  user_keys: { by: 'users', because: 'one for each user' },
  users: { by: 'users', because: 'unverified ones are deleted after a week' },
};

const days = 90;
/** From here on every shorter bound has taken effect. */
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
/** In the middle of the last day, before the sweep. */
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
  let emails: readonly string[] = [];
  for (let index = 0; index < 4; index += 1) emails = [...emails, await addActiveUser(app)];
  start = await countTables(database);
  for (let day = 0; day < days; day += 1) {
    emails = await simulateDay(app, emails);
    during = await countTables(database);
    await advanceToNextSweep(app, '1d');
    history.push(await countTables(database));
  }
  orphans = (await database.row(countOrphans, {}))?.orphans;
  // The traffic ends here.
  for (const advance of ['91d', '91d']) await advanceToNextSweep(app, advance);
  end = await countTables(database);
  await app.close();
}, 110_000);

describe('ninety days of traffic', () => {
  it('write to no table without a reviewed bound', () => {
    expect(Object.keys(history[0] ?? {}).sort()).toEqual(Object.keys(bounds).sort());
  });

  it('fill every table that grows by use', () => {
    // Only sealing will fill the index, only a registration hook has applicants without a user, and no provider is added.
    expect(tablesBy('use').filter((table) => during[table] === 0)).toEqual([
      'applicant_keys',
      'audit_index',
      'pending_identities',
      'provider_logins',
    ]);
    expect(during.audit_events).toBeGreaterThan(days * 15);
  });

  it('keep every table flat whose rows come by use, once its retention has passed', () => {
    const short = Object.entries(bounds).filter(([, bound]) => bound.by === 'use' && bound.days < settledAfterDays);
    const grown = short.filter(([table]) => longest(table, 67, days) > longest(table, settledAfterDays, 67));
    expect(grown.map(([table]) => `${table}: ${history.map((counts) => counts[table]).join(' ')}`)).toEqual([]);
    expect(short.length).toBeGreaterThan(6);
  });

  it('keep every table flat whose rows belong to users, while the users stay the same', () => {
    const grown = tablesBy('users').filter((table) => longest(table, 67, days) > longest(table, settledAfterDays, 67));
    expect(grown).toEqual([]);
    expect(orphans).toBe(0);
  });

  it('leave, half a year later, no rows that came by use and only the users with a verified address', () => {
    const left = Object.fromEntries(tablesBy('use').map((table) => [table, end[table]]));
    expect(left).toEqual(Object.fromEntries(tablesBy('use').map((table) => [table, 0])));
    for (const table of ['users', 'user_keys', 'identifiers', 'passwords']) expect(end[table]).toBe(start[table]);
    expect(end.attempt_counters).toBeLessThanOrEqual(end.users ?? 0);
  });
});
