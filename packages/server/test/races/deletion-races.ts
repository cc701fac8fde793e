import assert from 'node:assert/strict';
import { eraseDueAccounts } from '#flows/erase-accounts/index.ts';
import { type ApiResult, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import { eventually } from '../support/wait.ts';
import {
  assertAllRejected,
  assertOnlyPassword,
  assertSame,
  countOutcomes,
  countSuccesses,
  password,
  requireOneSuccess,
} from './checks.ts';
import { cleanState } from './password-races.ts';
import type { Race } from './race.ts';
import { refreshTokenOf, tokensOf } from './refresh-races.ts';
import { cancelByLink, cancelByTicket, deleteAccount, type StepRequired, tryLogin } from './requests.ts';
import { TrackedUser } from './tracked-user.ts';
import type { TwoNodes } from './two-nodes.ts';

/** More than five concurrent attempts are rejected, and a rejected login may also find the account changed. */
const loginRejections = ['invalid_credentials', 'too_many_requests'];

/** Invariant 4: deletion revokes tokens that a concurrent refresh issues. */
export const deleteAgainstRefresh: Race = {
  name: 'delete against refresh',
  claim:
    '16 refreshes of four sessions concurrent with 4 deletions: one deletion succeeds, both nodes reject every token',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    const user = await TrackedUser.find(nodes, email);
    const refreshed: Tokens[] = [];
    const responses = await nodes.concurrently(async (node, index): Promise<ApiResult<unknown> | undefined> => {
      const session = sessions[index % sessions.length];
      if (index % 5 === 0) return await deleteAccount(node, password, session?.accessToken ?? '');
      await nodes.delay(8);
      refreshed.push(...tokensOf(await node.refresh(refreshTokenOf(session))));
      return undefined;
    });
    const revokedAtMs = performance.now();
    requireOneSuccess(
      responses.filter((response) => response !== undefined),
      ['not_authenticated'],
    );
    const round = await assertAllRejected(nodes, [...sessions, ...refreshed], revokedAtMs);
    await user.assertState(pendingDeletion(email));
    return { ...round, outcome: refreshed.length === 16 ? 'refreshed first' : `deleted during the refreshes` };
  },
};

/**
 * Invariants 3 and 4: a login concurrent with a deletion creates a revoked session, or a ticket to cancel the deletion.
 */
export const deleteAgainstLogin: Race = {
  name: 'delete against login',
  claim: '16 logins concurrent with 4 deletions: sessions are revoked, and one of the tickets cancels the deletion',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently(async (node, index) => {
      if (index % 5 === 0) return await deleteAccount(node, password, sessions[index / 5]?.accessToken ?? '');
      await nodes.delay(8);
      return await tryLogin(node, email, password);
    });
    const revokedAtMs = performance.now();
    const logins = responses.filter((_, index) => index % 5 !== 0) as ApiResult<Partial<Tokens> & StepRequired>[];
    requireOneSuccess(
      responses.filter((_, index) => index % 5 === 0),
      ['not_authenticated'],
    );
    countSuccesses(logins, loginRejections);
    const startedSessions = logins.flatMap((response) =>
      response.ok && response.data.step === undefined ? [response.data] : [],
    );
    const tickets = ticketsOf(logins);
    const round = await assertAllRejected(nodes, [...sessions, ...(startedSessions as Tokens[])], revokedAtMs);
    const { events, ...state } = pendingDeletion(email);
    const history = { 'login.succeeded': startedSessions.length, 'login.step_required': tickets.length };
    await user.assertState({ ...state, tickets: tickets.length, events: { ...events, ...history } });
    await cancelByOneTicket(nodes, email, tickets);
    return { ...round, outcome: `${tickets.length === 0 ? 'no' : 'some'} tickets` };
  },
};

/** Invariant 1: a cancel link is consumed once. */
export const cancelLink: Race = {
  name: 'cancel link',
  claim: 'consumed by 20 requests: one cancels the deletion, and revoked sessions stay revoked',
  async run(nodes, email) {
    const { sessions, link } = await registerAndDelete(nodes, email);
    const user = await TrackedUser.find(nodes, email);
    requireOneSuccess(await nodes.concurrently((node) => cancelByLink(node, link)), ['invalid_token']);
    const round = await assertAllRejected(nodes, sessions, performance.now());
    await user.assertState(canceled(email));
    await assertOnlyPassword(nodes, email, password, []);
    return round;
  },
};

/** Invariant 1: the first proof consumes or revokes all others. */
export const cancelByBoth: Race = {
  name: 'cancel by link and ticket',
  claim: '10 requests with the link and 10 with five tickets: one cancels the deletion, every other proof is rejected',
  async run(nodes, email) {
    const { link } = await registerAndDelete(nodes, email);
    const logins = await Promise.all([0, 1, 2, 3, 4].map((index) => tryLogin(nodes.node(index), email, password)));
    const tickets = ticketsOf(logins);
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently((node, index) =>
      index % 4 < 2 ? cancelByLink(node, link) : cancelByTicket(node, tickets[index % 5] ?? ''),
    );
    const winner = requireOneSuccess(responses, ['invalid_token', 'invalid_ticket']);
    await user.assertState(canceled(email));
    await assertOnlyPassword(nodes, email, password, []);
    return { outcome: winner % 4 < 2 ? 'by link' : 'by ticket' };
  },
};

/** Invariant 4: at the end of the grace period the deletion is canceled or the account is erased, never both. */
export const cancelAgainstErase: Race = {
  name: 'cancel against erase',
  claim: '16 cancellations concurrent with 4 erase calls as the grace period ends: the account is complete or erased',
  async run(nodes, email) {
    const { link } = await registerAndDelete(nodes, email);
    const user = await TrackedUser.find(nodes, email);
    await endGracePeriodSoon(nodes, user.id);
    const erased: number[] = [];
    const responses = await nodes.concurrently(async (node, index): Promise<ApiResult<unknown> | undefined> => {
      await nodes.delay(16);
      if (index % 5 !== 0) return await cancelByLink(node, link);
      erased.push(await eraseDueAccounts(nodes.operator));
      return undefined;
    });
    const cancellations = responses.filter((response) => response !== undefined);
    if (countSuccesses(cancellations, ['invalid_token']) === 1) {
      await user.assertState(canceled(email));
      await assertOnlyPassword(nodes, email, password, []);
      assertSame(sum(erased), 0, 'accounts erased');
      return { outcome: 'canceled' };
    }
    const outcome = sum(erased) === 1 ? 'erased' : 'erased later';
    if (sum(erased) === 0) erased.push(await awaitErasure(nodes));
    assertSame(sum(erased), 1, 'accounts erased');
    await user.assertErased({ events: { 'account.erased': 1 } });
    return { outcome };
  },
};

/** Invariant 3: a login concurrent with the erasure creates nothing that outlives it. */
export const eraseAgainstLogin: Race = {
  name: 'erase against login',
  claim:
    '16 logins concurrent with 4 erase calls as the grace period ends: no session, no valid ticket, no row of the user',
  async run(nodes, email) {
    await registerAndDelete(nodes, email);
    const user = await TrackedUser.find(nodes, email);
    await endGracePeriodSoon(nodes, user.id);
    const erased: number[] = [];
    const responses = await nodes.concurrently(async (node, index) => {
      await nodes.delay(16);
      if (index % 5 !== 0) return await tryLogin(node, email, password);
      erased.push(await eraseDueAccounts(nodes.operator));
      return undefined;
    });
    const logins = responses.filter((response) => response !== undefined);
    countSuccesses(logins, loginRejections);
    const tickets = ticketsOf(logins);
    assertSame(tickets.length, countOutcomes(logins).success ?? 0, 'successful logins, each with a ticket');
    if (sum(erased) === 0) erased.push(await awaitErasure(nodes));
    assertSame(sum(erased), 1, 'accounts erased');
    await user.assertErased({ events: { 'account.erased': 1, 'login.step_required': tickets.length } });
    const late = await Promise.all(tickets.map((ticket, index) => cancelByTicket(nodes.node(index), ticket)));
    countSuccesses(late, ['invalid_ticket']);
    assertSame(late.filter(({ ok }) => ok).length, 0, 'tickets that outlive the erasure');
    return { outcome: `${tickets.length === 0 ? 'no' : 'some'} tickets` };
  },
};

function pendingDeletion(email: string) {
  return {
    ...cleanState(email),
    status: 'pending_deletion',
    links: { cancel_deletion: 1 },
    events: { 'account.deletion_scheduled': 1 },
    mails: { account_deletion_scheduled: 1 },
  };
}

function canceled(email: string) {
  return { ...cleanState(email), events: { 'account.deletion_canceled': 1 }, mails: { account_deletion_canceled: 1 } };
}

/** Registers and deletes an account; returns its earlier sessions and the token of the cancel link. */
async function registerAndDelete(nodes: TwoNodes, email: string): Promise<{ sessions: Tokens[]; link: string }> {
  await nodes.registerVerified(email, password);
  const sessions = await nodes.logins(email, password, 2);
  dataOf(await deleteAccount(nodes.node(1), password, sessions[0]?.accessToken ?? ''));
  return { sessions, link: tokenOf(await nodes.awaitLink(email, [], '/cancel-deletion')) };
}

/** Moves the end of the grace period into the race without changing a clock. */
async function endGracePeriodSoon(nodes: TwoNodes, userId: string): Promise<void> {
  const sql = `update users set deletes_at = clock_timestamp() + random() * interval '40 ms' where id = $1`;
  await nodes.rows(sql, [userId]);
}

/** If every erase call ran before the end of the grace period, the next one erases the account. */
function awaitErasure(nodes: TwoNodes): Promise<number> {
  const erase = async () => (await eraseDueAccounts(nodes.operator)) || undefined;
  return eventually(erase, { what: 'the account is erased' });
}

async function cancelByOneTicket(nodes: TwoNodes, email: string, tickets: readonly string[]): Promise<void> {
  if (tickets.length === 0) return;
  const user = await TrackedUser.find(nodes, email);
  const responses = await Promise.all(tickets.map((ticket, index) => cancelByTicket(nodes.node(index), ticket)));
  assert.equal(countSuccesses(responses, ['invalid_ticket']), 1, 'tickets that canceled the deletion');
  await user.assertState(canceled(email));
}

function ticketsOf(responses: readonly ApiResult<StepRequired>[]): string[] {
  return responses.flatMap((response) =>
    response.ok && response.data.ticket !== undefined ? [response.data.ticket] : [],
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
