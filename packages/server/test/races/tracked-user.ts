import { outlivesEpoch } from '#domain/one-time-tokens/index.ts';
import { eventually } from '../support/wait.ts';
import { assertSame, type Counts } from './checks.ts';
import type { TwoNodes } from './two-nodes.ts';

/** The state of a user in the database. */
export type UserState = {
  readonly status: string;
  /** Each canonical address with its role, sorted: `ada@example.com primary`. */
  readonly addresses: readonly string[];
  /** The numbers of valid sessions, refresh families, tickets and links (by purpose). */
  readonly sessions: number;
  readonly families: number;
  readonly tickets: number;
  readonly links: Counts;
};

/** Audit events by action, enqueued mails by template. */
export type UserHistory = { readonly events: Counts; readonly mails: Counts };

/** These depend on timing: whether a login fails, whether it uses a new device, and whether notices are withheld. */
const ignoredNames: readonly string[] = ['login.failed', 'new_device', 'withheld_notices'];

/** Of mails. One user gets ten notices in an hour, which the logins of a race can exceed. */
const finalStates: readonly string[] = ['sent', 'dropped', 'withheld'];

/** A user under test, and the history before the race. */
export class TrackedUser {
  readonly id: string;
  readonly #nodes: TwoNodes;
  readonly #before: UserHistory;

  private constructor(nodes: TwoNodes, id: string, before: UserHistory) {
    this.#nodes = nodes;
    this.id = id;
    this.#before = before;
  }

  /**
   * Call it when the preconditions of the race are established. For a user created by the race itself, pass `from the
   * beginning` to count everything.
   */
  static async find(nodes: TwoNodes, email: string, counting?: 'from the beginning'): Promise<TrackedUser> {
    const [row] = await nodes.rows<{ id: string }>(`select user_id as id from identifiers where canonical = $1`, [
      email,
    ]);
    if (row === undefined) throw new Error(`no user has ${email}`);
    const before = counting === undefined ? await readHistory(nodes, row.id) : { events: {}, mails: {} };
    return new TrackedUser(nodes, row.id, before);
  }

  /**
   * Waits for the mails, then compares the state and the history since `find`. Also asserts that each sent mail was
   * delivered once and each dropped mail never.
   */
  async assertState(expected: Omit<UserState, 'families'> & UserHistory & { families?: number }): Promise<void> {
    await this.#nodes.awaitMailIdle();
    await assertDeliveredOnce(this.#nodes, this.id);
    const state = await readState(this.#nodes, this.id);
    const { events, mails } = await readHistory(this.#nodes, this.id);
    const history = { events: difference(this.#before.events, events), mails: difference(this.#before.mails, mails) };
    const families = expected.families ?? expected.sessions;
    const expectedAll = { ...expected, families, events: relevant(expected.events), mails: relevant(expected.mails) };
    for (const [part, value] of Object.entries({ ...state, ...history })) {
      assertSame(value, expectedAll[part as keyof typeof expectedAll], part);
    }
  }

  /** Asserts that only audit events of an erased user remain after the job that runs a minute later. */
  async assertErased(expected: { readonly events: Counts }): Promise<void> {
    await runCounterJob(this.#nodes, this.id);
    assertSame(await findRemains(this.#nodes, this.id), [], 'tables with rows of the erased user');
    const { events } = await readHistory(this.#nodes, this.id);
    assertSame(difference(this.#before.events, events), relevant(expected.events), 'events');
  }
}

const purposesOutlivingEpoch = outlivesEpoch.map((purpose) => `'${purpose}'`).join(', ');

// The ticket of the user's own sign-up remains until the epoch is raised; its races are those of sign-ups.
const stateSql = `
  select u.status,
    array(
      select i.canonical || case when i.held_until is not null then ' held' when i.verified_at is null then ' unverified'
        when i.is_primary then ' primary' else ' other' end
      from identifiers i where i.user_id = u.id order by 1) as addresses,
    (select count(*)::int from sessions s
      where s.user_id = u.id and s.ended_at is null and s.auth_epoch = u.auth_epoch and s.expires_at > now()
        and u.status in ('active', 'pending_deletion')) as sessions,
    (select count(*)::int from refresh_families f
      where f.user_id = u.id and f.ended_at is null and f.auth_epoch = u.auth_epoch
        and u.status in ('active', 'pending_deletion')) as families,
    (select count(*)::int from logins l
      where l.user_id = u.id and l.consumed_at is null and l.auth_epoch = u.auth_epoch and l.expires_at > now()
        and l.sealed_address is null) as tickets,
    (select coalesce(json_object_agg(purpose, number), '{}') from (
      select purpose, count(*) as number from one_time_tokens t
      where t.user_id = u.id and t.consumed_at is null and t.expires_at > now() and u.status <> 'disabled'
        and (t.auth_epoch = u.auth_epoch or t.purpose in (${purposesOutlivingEpoch}))
      group by purpose) as valid) as links
  from users u where u.id = $1`;

async function readState(nodes: TwoNodes, userId: string): Promise<UserState> {
  const [state] = await nodes.rows<UserState>(stateSql, [userId]);
  if (state === undefined) throw new Error('the user does not exist');
  return state;
}

async function readHistory(nodes: TwoNodes, userId: string): Promise<UserHistory> {
  const read = async (sql: string) => {
    const rows = await nodes.rows<{ name: string; number: number }>(sql, [userId]);
    return Object.fromEntries(rows.map(({ name, number }) => [name, number]));
  };
  return {
    events: await read(
      `select action as name, count(*)::int as number from audit_events where user_id = $1 group by 1`,
    ),
    mails: await read(
      `select template as name, count(*)::int as number from mail_ledger where user_id = $1 group by 1`,
    ),
  };
}

function difference(before: Counts, after: Counts): Counts {
  return relevant(
    Object.fromEntries(Object.entries(after).map(([name, number]) => [name, number - (before[name] ?? 0)])),
  );
}

/** Drops ignored names and zeros. */
function relevant(tally: Counts): Counts {
  return Object.fromEntries(
    Object.entries(tally).filter(([name, number]) => number !== 0 && !ignoredNames.includes(name)),
  );
}

async function assertDeliveredOnce(nodes: TwoNodes, userId: string): Promise<void> {
  type Mail = { readonly template: string; readonly messageId: string; readonly state: string };
  const sql = `select template, message_id as "messageId", state from mail_ledger
    where user_id = $1 and template <> 'withheld_notices'`;
  for (const { template, messageId, state } of await nodes.rows<Mail>(sql, [userId])) {
    const expected = state === 'sent' ? 1 : 0;
    assertSame([finalStates.includes(state), nodes.deliveriesOf(messageId)], [true, expected], `${template} ${state}`);
  }
}

/** Makes the job due at once: all requests of the race have completed, so it need not wait for them. */
async function runCounterJob(nodes: TwoNodes, userId: string): Promise<void> {
  const condition = `kind = 'erase.counters' and payload ->> 'userId' = $1`;
  await nodes.rows(`update jobs set run_at = created_at where ${condition}`, [userId]);
  const isDone = async () => (await nodes.count(`select count(*) from jobs where ${condition}`, [userId])) === 0;
  await eventually(isDone, { what: 'the job erase.counters has run' });
}

/** Checks every table with a user id, and the counters, which are keyed by its bytes. */
async function findRemains(nodes: TwoNodes, userId: string): Promise<string[]> {
  const tables = await nodes.rows<{ name: string }>(
    `select table_name as name from information_schema.columns
      where table_schema = 'public' and column_name = 'user_id' and table_name not like 'audit_events%' order by 1`,
  );
  const conditions = [
    ...tables.map(({ name }) => ({ name, condition: 'user_id = $1::uuid' })),
    { name: 'users', condition: 'id = $1::uuid' },
    { name: 'attempt_counters', condition: `key = decode(replace($1::uuid::text, '-', ''), 'hex')` },
  ];
  const remains: string[] = [];
  for (const { name, condition } of conditions) {
    const number = await nodes.count(`select count(*) from ${name} where ${condition}`, [userId]);
    if (number > 0) remains.push(name);
  }
  return remains;
}
