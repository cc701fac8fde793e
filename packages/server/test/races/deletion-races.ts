import assert from 'node:assert/strict';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { eventually } from '#test/support/wait.ts';
import { type Answer, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { assertAllDie, assertOpens, assertSame, assertWinners, onlyWinner, password, tallyOf } from './checks.ts';
import { resting } from './password-races.ts';
import { Person } from './person-state.ts';
import type { Race } from './race.ts';
import { refreshTokenOf, tokensOf } from './refresh-races.ts';
import { cancelByLink, cancelByTicket, deleteAccount, type StepRequired, tryLogin } from './requests.ts';
import type { TwoNodes } from './two-nodes.ts';

/** Of more than five at once a node that knows of none under way refuses: what the other looks at may be wrong. */
const refusedLogins = ['invalid_credentials', 'too_many_requests'];

/** invariant 4: closing ends what is refreshed beside it. */
export const deleteAgainstRefresh: Race = {
  name: 'close against refresh',
  claim: '16 refreshes of four sessions beside 4 closings: one closes, no token lives on, on either node',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const person = await Person.find(two, email);
    const refreshed: Tokens[] = [];
    const answers = await two.atOnce(async (node, index): Promise<Answer<unknown> | undefined> => {
      const own = sessions[index % sessions.length];
      if (index % 5 === 0) return await deleteAccount(node, password, own?.accessToken ?? '');
      await two.linger(8);
      refreshed.push(...tokensOf(await node.refresh(refreshTokenOf(own))));
      return undefined;
    });
    const endedAtMs = performance.now();
    onlyWinner(
      answers.filter((answer) => answer !== undefined),
      ['not_authenticated'],
    );
    const round = await assertAllDie(two, [...sessions, ...refreshed], endedAtMs);
    await person.assertSettled(closing(email));
    return { ...round, outcome: refreshed.length === 16 ? 'refreshed first' : `closed among the refreshes` };
  },
};

/** invariant 3 and 4: a login beside a closing gives a session that ends, or a ticket to keep the account. */
export const deleteAgainstLogin: Race = {
  name: 'close against login',
  claim: '16 logins beside 4 closings: sessions die, and of the tickets one keeps the account',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const person = await Person.find(two, email);
    const answers = await two.atOnce(async (node, index) => {
      if (index % 5 === 0) return await deleteAccount(node, password, sessions[index / 5]?.accessToken ?? '');
      await two.linger(8);
      return await tryLogin(node, email, password);
    });
    const endedAtMs = performance.now();
    const logins = answers.filter((_, index) => index % 5 !== 0) as Answer<Partial<Tokens> & StepRequired>[];
    onlyWinner(
      answers.filter((_, index) => index % 5 === 0),
      ['not_authenticated'],
    );
    assertWinners(logins, refusedLogins);
    const opened = logins.flatMap((answer) => (answer.ok && answer.data.step === undefined ? [answer.data] : []));
    const tickets = ticketsOf(logins);
    const round = await assertAllDie(two, [...sessions, ...(opened as Tokens[])], endedAtMs);
    const { events, ...state } = closing(email);
    const history = { 'login.succeeded': opened.length, 'login.step_required': tickets.length };
    await person.assertSettled({ ...state, tickets: tickets.length, events: { ...events, ...history } });
    await cancelByOneOf(two, email, tickets);
    return { ...round, outcome: `${tickets.length === 0 ? 'no' : 'some'} tickets` };
  },
};

/** invariant 1: the link that keeps an account is good once. */
export const cancelLink: Race = {
  name: 'keep link',
  claim: 'pressed 20 times: one keeps the account, and nothing that closing ended comes back',
  async run(two, email) {
    const { sessions, link } = await deleteOne(two, email);
    const person = await Person.find(two, email);
    onlyWinner(await two.atOnce((node) => cancelByLink(node, link)), ['invalid_token']);
    const round = await assertAllDie(two, sessions, performance.now());
    await person.assertSettled(kept(email));
    await assertOpens(two, email, password, []);
    return round;
  },
};

/** invariant 1: whichever proof is used first ends the others. */
export const cancelByBoth: Race = {
  name: 'keep by link and ticket',
  claim: '10 presses of the link beside 10 uses of five tickets: one keeps the account, every other proof is dead',
  async run(two, email) {
    const { link } = await deleteOne(two, email);
    const logins = await Promise.all([0, 1, 2, 3, 4].map((index) => tryLogin(two.node(index), email, password)));
    const tickets = ticketsOf(logins);
    const person = await Person.find(two, email);
    const answers = await two.atOnce((node, index) =>
      index % 4 < 2 ? cancelByLink(node, link) : cancelByTicket(node, tickets[index % 5] ?? ''),
    );
    const winner = onlyWinner(answers, ['invalid_token', 'invalid_ticket']);
    await person.assertSettled(kept(email));
    await assertOpens(two, email, password, []);
    return { outcome: winner % 4 < 2 ? 'by link' : 'by ticket' };
  },
};

/** invariant 4: at the end of the grace an account is kept or erased, and never half of each. */
export const cancelAgainstErase: Race = {
  name: 'keep against erase',
  claim: '16 presses of the link beside 4 erasers as the grace ends: kept and whole, or gone without a trace',
  async run(two, email) {
    const { link } = await deleteOne(two, email);
    const person = await Person.find(two, email);
    await endGraceSoon(two, person.id);
    const erased: number[] = [];
    const answers = await two.atOnce(async (node, index): Promise<Answer<unknown> | undefined> => {
      await two.linger(16);
      if (index % 5 !== 0) return await cancelByLink(node, link);
      erased.push(await eraseDueAccounts(two.operator));
      return undefined;
    });
    const presses = answers.filter((answer) => answer !== undefined);
    if (assertWinners(presses, ['invalid_token']) === 1) {
      await person.assertSettled(kept(email));
      await assertOpens(two, email, password, []);
      assertSame(sum(erased), 0, 'accounts erased');
      return { outcome: 'kept' };
    }
    const outcome = sum(erased) === 1 ? 'erased' : 'erased later';
    if (sum(erased) === 0) erased.push(await untilErased(two));
    assertSame(sum(erased), 1, 'accounts erased');
    await person.assertGone({ events: { 'account.erased': 1 } });
    return { outcome };
  },
};

/** invariant 3: a login beside the erasure makes nothing that outlives it. */
export const eraseAgainstLogin: Race = {
  name: 'erase against login',
  claim: '16 logins beside 4 erasers as the grace ends: no session, no live ticket, nothing left of the person',
  async run(two, email) {
    await deleteOne(two, email);
    const person = await Person.find(two, email);
    await endGraceSoon(two, person.id);
    const erased: number[] = [];
    const answers = await two.atOnce(async (node, index) => {
      await two.linger(16);
      if (index % 5 !== 0) return await tryLogin(node, email, password);
      erased.push(await eraseDueAccounts(two.operator));
      return undefined;
    });
    const logins = answers.filter((answer) => answer !== undefined);
    assertWinners(logins, refusedLogins);
    const tickets = ticketsOf(logins);
    assertSame(tickets.length, tallyOf(logins).won ?? 0, 'logins that won, each with a ticket');
    if (sum(erased) === 0) erased.push(await untilErased(two));
    assertSame(sum(erased), 1, 'accounts erased');
    await person.assertGone({ events: { 'account.erased': 1, 'login.step_required': tickets.length } });
    const late = await Promise.all(tickets.map((ticket, index) => cancelByTicket(two.node(index), ticket)));
    assertWinners(late, ['invalid_ticket']);
    assertSame(late.filter(({ ok }) => ok).length, 0, 'tickets that outlive the erasure');
    return { outcome: `${tickets.length === 0 ? 'no' : 'some'} tickets` };
  },
};

function closing(email: string) {
  return {
    ...resting(email),
    status: 'pending_deletion',
    links: { cancel_deletion: 1 },
    events: { 'account.deletion_scheduled': 1 },
    mails: { account_deletion_scheduled: 1 },
  };
}

function kept(email: string) {
  return { ...resting(email), events: { 'account.deletion_canceled': 1 }, mails: { account_deletion_canceled: 1 } };
}

/** Registers and closes; answers the sessions of before and the secret of the link that keeps the account. */
async function deleteOne(two: TwoNodes, email: string): Promise<{ sessions: Tokens[]; link: string }> {
  await two.registerVerified(email, password);
  const sessions = await two.logins(email, password, 2);
  dataOf(await deleteAccount(two.node(1), password, sessions[0]?.accessToken ?? ''));
  return { sessions, link: tokenOf(await two.awaitLink(email, [], '/cancel-deletion')) };
}

/** Moves the end of the grace to within the race; no clock of a node is touched. */
async function endGraceSoon(two: TwoNodes, userId: string): Promise<void> {
  const sql = `update users set deletes_at = clock_timestamp() + random() * interval '40 ms' where id = $1`;
  await two.rows(sql, [userId]);
}

/** The erasers came before the end of the grace: the next run of the job finds the account. */
function untilErased(two: TwoNodes): Promise<number> {
  const erase = async () => (await eraseDueAccounts(two.operator)) || undefined;
  return eventually(erase, { what: 'the account is erased' });
}

async function cancelByOneOf(two: TwoNodes, email: string, tickets: readonly string[]): Promise<void> {
  if (tickets.length === 0) return;
  const person = await Person.find(two, email);
  const answers = await Promise.all(tickets.map((ticket, index) => cancelByTicket(two.node(index), ticket)));
  assert.equal(assertWinners(answers, ['invalid_ticket']), 1, 'tickets that kept the account');
  await person.assertSettled(kept(email));
}

function ticketsOf(answers: readonly Answer<StepRequired>[]): string[] {
  return answers.flatMap((answer) => (answer.ok && answer.data.ticket !== undefined ? [answer.data.ticket] : []));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
