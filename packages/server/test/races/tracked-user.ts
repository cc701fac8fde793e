import { outlivesEpoch } from '#domain/one-time-tokens/index.ts';
import { eventually } from '#test/support/wait.ts';
import { assertSame, type Tally } from './checks.ts';
import type { TwoNodes } from './two-nodes.ts';

/** A person as the database holds them. */
export type PersonState = {
  readonly status: string;
  /** Each address with what it is to them: `ada@example.com primary`, in their order. */
  readonly addresses: readonly string[];
  /** Sessions, refresh families, tickets and links (by purpose) that can still be used. */
  readonly sessions: number;
  readonly families: number;
  readonly tickets: number;
  readonly links: Tally;
};

/** What happened to a person: events by action, promised mails by template. */
export type PersonHistory = { readonly events: Tally; readonly mails: Tally };

/** Nobody's subject here: how many refreshes win, and whether a login comes from a new device, varies with the timing. */
const unwatched: readonly string[] = ['session.refreshed', 'login.failed', 'new_device'];

/** Somebody whom a race is about, and what had happened to them before it. */
export class Person {
  readonly id: string;
  readonly #two: TwoNodes;
  readonly #before: PersonHistory;

  private constructor(two: TwoNodes, id: string, before: PersonHistory) {
    this.#two = two;
    this.id = id;
    this.#before = before;
  }

  /**
   * Finds who has an address; call it after everything that the race starts from. Of somebody whom the race itself
   * makes, everything counts `from the beginning`.
   */
  static async find(two: TwoNodes, email: string, counting?: 'from the beginning'): Promise<Person> {
    const [row] = await two.rows<{ id: string }>(`select user_id as id from identifiers where canonical = $1`, [email]);
    if (row === undefined) throw new Error(`nobody has ${email}`);
    const before = counting === undefined ? await readHistory(two, row.id) : { events: {}, mails: {} };
    return new Person(two, row.id, before);
  }

  /**
   * Waits for the mails and compares everything: the state, and what happened since the person was found. That a
   * promised mail was delivered once, and one that was dropped never, is checked too.
   */
  async assertSettled(expected: Omit<PersonState, 'families'> & PersonHistory & { families?: number }): Promise<void> {
    await this.#two.untilMailIsQuiet();
    await assertDeliveredOnce(this.#two, this.id);
    const state = await readState(this.#two, this.id);
    const { events, mails } = await readHistory(this.#two, this.id);
    const history = { events: since(this.#before.events, events), mails: since(this.#before.mails, mails) };
    const families = expected.families ?? expected.sessions;
    const wanted = { ...expected, families, events: known(expected.events), mails: known(expected.mails) };
    for (const [part, value] of Object.entries({ ...state, ...history })) {
      assertSame(value, wanted[part as keyof typeof wanted], part);
    }
  }

  /** That nothing of an erased person is left but their events, once the job that comes a minute later was done. */
  async assertGone(expected: { readonly events: Tally }): Promise<void> {
    await hurryLastJob(this.#two, this.id);
    assertSame(await readRemains(this.#two, this.id), [], 'tables that still know the erased person');
    const { events } = await readHistory(this.#two, this.id);
    assertSame(since(this.#before.events, events), known(expected.events), 'events');
  }
}

const outliving = outlivesEpoch.map((purpose) => `'${purpose}'`).join(', ');

const stateSql = `
  select u.status,
    array(
      select i.canonical || case when i.held_until is not null then ' held' when i.verified_at is null then ' unproven'
        when i.is_primary then ' primary' else ' other' end
      from identifiers i where i.user_id = u.id order by 1) as addresses,
    (select count(*)::int from sessions s
      where s.user_id = u.id and s.ended_at is null and s.auth_epoch = u.auth_epoch and s.expires_at > now()
        and u.status in ('active', 'pending_deletion')) as sessions,
    (select count(*)::int from refresh_families f
      where f.user_id = u.id and f.ended_at is null and f.auth_epoch = u.auth_epoch
        and u.status in ('active', 'pending_deletion')) as families,
    (select count(*)::int from logins l
      where l.user_id = u.id and l.consumed_at is null and l.auth_epoch = u.auth_epoch and l.expires_at > now()) as tickets,
    (select coalesce(json_object_agg(purpose, number), '{}') from (
      select purpose, count(*) as number from one_time_tokens t
      where t.user_id = u.id and t.consumed_at is null and t.expires_at > now() and u.status <> 'disabled'
        and (t.auth_epoch = u.auth_epoch or t.purpose in (${outliving}))
      group by purpose) as alive) as links
  from users u where u.id = $1`;

async function readState(two: TwoNodes, userId: string): Promise<PersonState> {
  const [state] = await two.rows<PersonState>(stateSql, [userId]);
  if (state === undefined) throw new Error('the person is gone');
  return state;
}

async function readHistory(two: TwoNodes, userId: string): Promise<PersonHistory> {
  const read = async (sql: string) => {
    const rows = await two.rows<{ name: string; number: number }>(sql, [userId]);
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

function since(before: Tally, after: Tally): Tally {
  return known(Object.fromEntries(Object.entries(after).map(([name, number]) => [name, number - (before[name] ?? 0)])));
}

/** Without what is not watched, and without zeros, which are the same as nothing. */
function known(tally: Tally): Tally {
  return Object.fromEntries(
    Object.entries(tally).filter(([name, number]) => number !== 0 && !unwatched.includes(name)),
  );
}

async function assertDeliveredOnce(two: TwoNodes, userId: string): Promise<void> {
  type Promised = { readonly template: string; readonly messageId: string; readonly state: string };
  const sql = `select template, message_id as "messageId", state from mail_ledger where user_id = $1`;
  for (const { template, messageId, state } of await two.rows<Promised>(sql, [userId])) {
    const expected = state === 'sent' ? 1 : 0;
    assertSame([state, two.deliveriesOf(messageId)], [state === 'sent' ? 'sent' : 'dropped', expected], template);
  }
}

/** Every answer of the race has been read: the minute that the job waits for them is over. */
async function hurryLastJob(two: TwoNodes, userId: string): Promise<void> {
  const own = `kind = 'erase.counters' and payload ->> 'userId' = $1`;
  await two.rows(`update jobs set run_at = created_at where ${own}`, [userId]);
  const isDone = async () => (await two.count(`select count(*) from jobs where ${own}`, [userId])) === 0;
  await eventually(isDone, { what: 'the counters of the erased person were looked for again' });
}

/** Every table that names a person, and the counters, which know them by their id's bytes. */
async function readRemains(two: TwoNodes, userId: string): Promise<string[]> {
  const tables = await two.rows<{ name: string }>(
    `select table_name as name from information_schema.columns
      where table_schema = 'public' and column_name = 'user_id' and table_name <> 'audit_events' order by 1`,
  );
  const questions = [
    ...tables.map(({ name }) => ({ name, condition: 'user_id = $1::uuid' })),
    { name: 'users', condition: 'id = $1::uuid' },
    { name: 'attempt_counters', condition: `key = decode(replace($1::uuid::text, '-', ''), 'hex')` },
  ];
  const remains: string[] = [];
  for (const { name, condition } of questions) {
    const number = await two.count(`select count(*) from ${name} where ${condition}`, [userId]);
    if (number > 0) remains.push(name);
  }
  return remains;
}
