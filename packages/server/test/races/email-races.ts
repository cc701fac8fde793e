import assert from 'node:assert/strict';
import { type ApiResult, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import {
  assertAllRejected,
  assertOnlyPassword,
  assertSame,
  countSuccesses,
  newPassword,
  password,
  requireOneSuccess,
} from './checks.ts';
import { assertWinningPassword, cleanState } from './password-races.ts';
import type { Race } from './race.ts';
import { cancelChange, confirmChange, requestChange, undoChange } from './requests.ts';
import { TrackedUser } from './tracked-user.ts';
import type { TwoNodes } from './two-nodes.ts';

/** Invariants 1 and 4: the link at the old address undoes the change once, whatever happened since. */
export const undoLink: Race = {
  name: 'undo link',
  claim: '20 passwords with one link: one restores the address, both nodes reject every older token',
  async run(nodes, email) {
    const { newEmail, undo } = await changeAddress(nodes, email);
    const sessions = await nodes.logins(newEmail, password, 4);
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently((node, index) => undoChange(node, undo, newPassword(index)));
    const revokedAtMs = performance.now();
    const winner = requireOneSuccess(responses, ['invalid_token']);
    const round = await assertAllRejected(nodes, sessions, revokedAtMs);
    const history = { events: { 'email.change_undone': 1 }, mails: { email_change_undone: 1 } };
    await user.assertState({ ...cleanState(email), ...history });
    await assertWinningPassword(nodes, email, winner);
    await assertNoPassword(nodes, newEmail, [password, newPassword(winner)]);
    return round;
  },
};

/** Invariant 4: an undo prevails over a further change, before or after it. */
export const confirmAgainstUndo: Race = {
  name: 'email change against undo',
  claim: '10 confirmations of a further change concurrent with 10 undos: the first address is restored in any order',
  async run(nodes, email) {
    const { newEmail, undo } = await changeAddress(nodes, email);
    const sessions = await nodes.logins(newEmail, password, 4);
    const third = `third-${email}`;
    const confirm = await requestAddress(nodes, third, sessions[0]);
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently(async (node, index) => {
      if (index % 2 === 0) return await confirmChange(node, confirm);
      // An undo hashes a password before it writes, so it succeeds first only when the confirmation is delayed.
      return await undoChange(node, undo, newPassword(index));
    });
    const revokedAtMs = performance.now();
    const confirmed = countSuccesses(evenOf(responses), ['invalid_token']);
    assert.ok(confirmed <= 1, `${confirmed} confirmations succeeded`);
    requireOneSuccess(oddOf(responses), ['invalid_token']);
    const winner = responses.findIndex(({ ok }, index) => ok && index % 2 === 1);
    const round = await assertAllRejected(nodes, sessions, revokedAtMs);
    await user.assertState({
      ...cleanState(email),
      events: { 'email.change_undone': 1, 'email.changed': confirmed },
      mails: { email_change_undone: 1, email_changed_notice: confirmed },
    });
    await assertWinningPassword(nodes, email, winner);
    await assertNoPassword(nodes, third, [password, newPassword(winner)]);
    return { ...round, outcome: confirmed === 1 ? 'changed, then undone' : 'undone first' };
  },
};

/** Invariant 1: a canceled change cannot be confirmed, and a confirmed change cannot be canceled. */
export const confirmAgainstCancel: Race = {
  name: 'confirm against cancel',
  claim: '10 confirmations concurrent with 10 cancellations: the address is changed, or the change is canceled',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    const newEmail = `new-${email}`;
    const confirm = await requestAddress(nodes, newEmail, sessions[0]);
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently(async (node, index) => {
      await nodes.delay(3);
      return index % 2 === 0
        ? await confirmChange(node, confirm)
        : await cancelChange(node, sessions[index % 4]?.accessToken ?? '');
    });
    const revokedAtMs = performance.now();
    const confirmed = countSuccesses(evenOf(responses), ['invalid_token']);
    const canceled = countSuccesses(oddOf(responses), ['not_authenticated']);
    assertSame([confirmed, canceled], confirmed === 1 ? [1, 0] : [0, 10], 'successful confirmations and cancellations');
    if (confirmed === 0) {
      const history = { events: { 'email.change_canceled': 1 }, mails: {} };
      await user.assertState({ ...cleanState(email), ...history, sessions: 4 });
      await assertOnlyPassword(nodes, email, password, []);
      return { outcome: 'canceled' };
    }
    const round = await assertAllRejected(nodes, sessions, revokedAtMs);
    await user.assertState(changedAddress(email, newEmail));
    await assertOnlyPassword(nodes, newEmail, password, []);
    return { ...round, outcome: 'changed' };
  },
};

/** Invariant 12: one address belongs to one user, even when two confirm it concurrently. */
export const confirmAgainstConfirm: Race = {
  name: 'two users confirm one address',
  claim: '10 confirmations by each of two users of one new address: one gets it, the other keeps the old one',
  async run(nodes, email) {
    const newEmail = `new-${email}`;
    const emails = [email, `other-${email}`];
    const users: { email: string; confirm: string; sessions: Tokens[]; user: TrackedUser }[] = [];
    const known: URL[] = [];
    for (const address of emails) {
      await nodes.registerVerified(address, password);
      const sessions = await nodes.logins(address, password, 2);
      const confirm = await requestAddress(nodes, newEmail, sessions[0], known);
      users.push({ email: address, confirm, sessions, user: await TrackedUser.find(nodes, address) });
    }
    const responses = await nodes.concurrently((node, index) => confirmChange(node, users[index % 2]?.confirm ?? ''));
    const revokedAtMs = performance.now();
    const winner = requireOneSuccess(responses, ['invalid_token', 'email_unavailable']) % 2;
    const [winnerUser, loserUser] = [users[winner], users[1 - winner]];
    assert.ok(winnerUser !== undefined && loserUser !== undefined);
    countSuccesses(winner === 0 ? evenOf(responses) : oddOf(responses), ['invalid_token']);
    countSuccesses(winner === 0 ? oddOf(responses) : evenOf(responses), ['email_unavailable']);
    const round = await assertAllRejected(nodes, winnerUser.sessions, revokedAtMs);
    await winnerUser.user.assertState(changedAddress(winnerUser.email, newEmail));
    await loserUser.user.assertState({
      ...cleanState(loserUser.email),
      sessions: 2,
      links: { confirm_email_change: 1 },
      events: {},
      mails: {},
    });
    for (const { accessToken } of loserUser.sessions)
      for (const node of nodes.clients) dataOf(await node.session(accessToken));
    return { ...round, outcome: winner === 0 ? 'first user' : 'second user' };
  },
};

/** Invariant 18: the confirming user gets the address, whatever others register with it meanwhile. */
export const confirmAgainstRegistration: Race = {
  name: 'confirm against registration',
  claim:
    '10 confirmations concurrent with 10 registrations of the address: it is confirmed, and every registration is void',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 2);
    const newEmail = `new-${email}`;
    const confirm = await requestAddress(nodes, newEmail, sessions[0]);
    const user = await TrackedUser.find(nodes, email);
    const userCount = await nodes.count('select count(*) from users');
    const responses = await nodes.concurrently((node, index) =>
      index % 4 < 2 ? confirmChange(node, confirm) : node.register({ email: newEmail, password: newPassword(index) }),
    );
    const revokedAtMs = performance.now();
    const confirmations = responses.filter((_, index) => index % 4 < 2);
    requireOneSuccess(confirmations, ['invalid_token']);
    responses.filter((_, index) => index % 4 > 1).forEach(dataOf);
    const round = await assertAllRejected(nodes, sessions, revokedAtMs);
    const { mails, ...state } = changedAddress(email, newEmail);
    const [notices] = await nodes.rows<{ number: number }>(
      `select count(*)::int as number from mail_ledger where user_id = $1 and template = 'already_registered'`,
      [user.id],
    );
    const rejected = notices?.number ?? 0;
    await user.assertState({
      ...state,
      events: { ...state.events, 'user.registration_refused': rejected },
      mails: { ...mails, already_registered: rejected },
    });
    assert.equal(await nodes.count('select count(*) from users'), userCount, 'a user of a registration remains');
    for (const link of nodes.linksFor(newEmail)) {
      assert.equal((await nodes.node(0).verify(tokenOf(link))).ok, false, 'a link of a registration is still valid');
    }
    await assertOnlyPassword(nodes, newEmail, password, [newPassword(2), newPassword(3)]);
    return { ...round, outcome: rejected === 10 ? 'confirmed first' : 'registered first' };
  },
};

/** The expected state after a change; the old address is held for the undo link. */
function changedAddress(email: string, newEmail: string) {
  return {
    ...cleanState(email),
    addresses: [`${email} held`, `${newEmail} primary`].sort(),
    links: { undo_email_change: 1 },
    events: { 'email.changed': 1 },
    mails: { email_changed_notice: 1 },
  };
}

/** Requests a change of address; returns the token of the link mailed to the new address. */
async function requestAddress(
  nodes: TwoNodes,
  newEmail: string,
  by: Tokens | undefined,
  known: URL[] = [],
): Promise<string> {
  dataOf(await requestChange(nodes.node(0), newEmail, password, by?.accessToken ?? ''));
  const link = await nodes.awaitLink(newEmail, known, '/confirm-email-change');
  known.push(link);
  return tokenOf(link);
}

/** Registers a user and changes the address; returns the token of the undo link. */
async function changeAddress(nodes: TwoNodes, email: string): Promise<{ newEmail: string; undo: string }> {
  await nodes.registerVerified(email, password);
  const [session] = await nodes.logins(email, password, 1);
  const newEmail = `new-${email}`;
  dataOf(await confirmChange(nodes.node(1), await requestAddress(nodes, newEmail, session)));
  return { newEmail, undo: tokenOf(await nodes.awaitLink(email, [], '/undo-email-change')) };
}

async function assertNoPassword(nodes: TwoNodes, email: string, candidates: readonly string[]): Promise<void> {
  for (const [index, candidate] of candidates.entries()) {
    const response = await nodes.node(index).login(email, candidate);
    assert.equal(response.ok ? 'accepted' : response.code, 'invalid_credentials', `"${candidate}" of ${email}`);
  }
}

function evenOf(responses: readonly ApiResult<unknown>[]): ApiResult<unknown>[] {
  return responses.filter((_, index) => index % 2 === 0);
}

function oddOf(responses: readonly ApiResult<unknown>[]): ApiResult<unknown>[] {
  return responses.filter((_, index) => index % 2 === 1);
}
