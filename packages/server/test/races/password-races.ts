import assert from 'node:assert/strict';
import { type ApiResult, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import {
  assertAllRejected,
  assertOnlyPassword,
  assertSame,
  countOutcomes,
  countSuccesses,
  newPassword,
  password,
  requireOneSuccess,
} from './checks.ts';
import type { Race } from './race.ts';
import { TrackedUser } from './tracked-user.ts';
import { concurrency, type TwoNodes } from './two-nodes.ts';

/** Invariants 1 and 4: a reset link is consumed once, and its use revokes everything older. */
export const resetLink: Race = {
  name: 'reset link',
  claim: '20 passwords with one link: one is set, both nodes reject every older token, one notice, one event',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    const token = await requestResetLink(nodes, email);
    const user = await TrackedUser.find(nodes, email);
    const responses = await nodes.concurrently((node, index) => node.resetPassword(token, newPassword(index)));
    const revokedAtMs = performance.now();
    const winner = requireOneSuccess(responses, ['invalid_token']);
    const round = await assertAllRejected(nodes, sessions, revokedAtMs);
    await user.assertState({
      ...cleanState(email),
      events: { 'password.reset': 1 },
      mails: { password_reset_done: 1 },
    });
    await assertWinningPassword(nodes, email, winner);
    return round;
  },
};

/** Invariant 4: the first of the two revokes what the other needs. */
export const changeAgainstReset: Race = {
  name: 'change against reset',
  claim:
    '10 changes on one node concurrent with 10 resets on the other: one succeeds; only its password and session are valid',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    const token = await requestResetLink(nodes, email);
    const user = await TrackedUser.find(nodes, email);
    const responses: ApiResult<unknown>[] = await nodes.concurrently((node, index) =>
      index % 2 === 0
        ? node.changePassword(password, newPassword(index), sessions[(index / 2) % sessions.length]?.accessToken)
        : node.resetPassword(token, newPassword(index)),
    );
    const revokedAtMs = performance.now();
    const winner = requireOneSuccess(responses, [
      'invalid_token',
      'not_authenticated',
      'invalid_password',
      'too_many_requests',
    ]);
    const isChange = winner % 2 === 0;
    const round = await assertAllRejected(nodes, sessions, revokedAtMs);
    if (isChange) await assertActive(nodes, responses[winner] as ApiResult<Tokens> | undefined);
    await user.assertState({
      ...cleanState(email),
      sessions: isChange ? 1 : 0,
      events: {
        [isChange ? 'password.changed' : 'password.reset']: 1,
        'password.change_refused': countOutcomes(responses).invalid_password ?? 0,
      },
      mails: { [isChange ? 'password_changed' : 'password_reset_done']: 1 },
    });
    await assertWinningPassword(nodes, email, winner);
    return { ...round, outcome: isChange ? 'changed' : 'reset' };
  },
};

/** Invariant 4: the session that changes the password is replaced by one new session, not by twenty. */
export const changePassword: Race = {
  name: 'password change',
  claim: '20 changes by one session on two nodes: one succeeds, and only its new session is active',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    const user = await TrackedUser.find(nodes, email);
    const acting = sessions[0]?.accessToken;
    const responses = await nodes.concurrently((node, index) =>
      node.changePassword(password, newPassword(index), acting),
    );
    const revokedAtMs = performance.now();
    const winner = requireOneSuccess(responses, ['not_authenticated', 'invalid_password', 'too_many_requests']);
    const round = await assertAllRejected(nodes, sessions, revokedAtMs);
    await assertActive(nodes, responses[winner]);
    await user.assertState({
      ...cleanState(email),
      sessions: 1,
      events: { 'password.changed': 1, 'password.change_refused': countOutcomes(responses).invalid_password ?? 0 },
      mails: { password_changed: 1 },
    });
    await assertWinningPassword(nodes, email, winner);
    return round;
  },
};

/** Invariant 4: a logout-all after a change also revokes the new session. */
export const changeAgainstLogoutAll: Race = {
  name: 'change against logout-all',
  claim:
    '10 changes concurrent with 10 logout-alls: the new session is active on both nodes or on none, as the responses imply',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    const user = await TrackedUser.find(nodes, email);
    const tokenAt = (index: number) => sessions[index % sessions.length]?.accessToken;
    const responses: ApiResult<unknown>[] = await nodes.concurrently(async (node, index) => {
      if (index % 4 < 2) return await node.changePassword(password, newPassword(index), tokenAt(index));
      await nodes.delay(24);
      return await node.logoutAll(tokenAt(index));
    });
    const revokedAtMs = performance.now();
    const [changes, logouts] = [
      responses.filter((_, index) => index % 4 < 2),
      responses.filter((_, index) => index % 4 > 1),
    ];
    const changed = countSuccesses(changes, ['not_authenticated', 'invalid_password', 'too_many_requests']);
    const loggedOut = countSuccesses(logouts, ['not_authenticated']);
    assert.ok(changed <= 1, `${changed} changes succeeded`);
    const winner = responses.findIndex(({ ok }, index) => ok && index % 4 < 2);
    const newSession = (responses[winner] as ApiResult<Tokens> | undefined) ?? undefined;
    // A logout-all before the change would have revoked its session; if both succeeded, the logout-all was later.
    const isActive = changed === 1 && loggedOut === 0;
    const revoked = isActive || newSession === undefined ? sessions : [...sessions, dataOf(newSession)];
    const round = await assertAllRejected(nodes, revoked, revokedAtMs);
    if (isActive) await assertActive(nodes, newSession);
    await user.assertState({
      ...cleanState(email),
      sessions: isActive ? 1 : 0,
      events: {
        'password.changed': changed,
        'password.change_refused': countOutcomes(changes).invalid_password ?? 0,
        'session.logged_out_everywhere': loggedOut,
      },
      mails: { password_changed: changed },
    });
    if (changed === 1) await assertWinningPassword(nodes, email, winner);
    else await assertOnlyPassword(nodes, email, password, [newPassword(0), newPassword(1)]);
    return { ...round, outcome: outcomeOf(changed, loggedOut) };
  },
};

function outcomeOf(changed: number, loggedOut: number): string {
  if (changed === 0) return 'logged out first';
  return loggedOut === 0 ? 'changed only' : 'changed, then logged out';
}

/** The state of an account with one verified address and without valid credentials. */
export function cleanState(email: string) {
  return { status: 'active', addresses: [`${email} primary`], sessions: 0, tickets: 0, links: {} } as const;
}

/** Requests a reset link; returns its token. */
export async function requestResetLink(nodes: TwoNodes, email: string): Promise<string> {
  dataOf(await nodes.node(0).forgotPassword(email));
  return tokenOf(await nodes.awaitLink(email, [], '/reset-password'));
}

/** Asserts that the new session is active on both nodes and that its refresh token rotates once. */
async function assertActive(nodes: TwoNodes, newSession: ApiResult<Tokens> | undefined): Promise<void> {
  assert.ok(newSession !== undefined, 'there is no new session');
  const { accessToken, refreshToken } = dataOf(newSession);
  for (const node of nodes.clients) dataOf(await node.session(accessToken));
  const [first, second] = await Promise.all(nodes.clients.map((node) => node.refresh(refreshToken)));
  assertSame(
    first?.ok && first.data.refreshToken,
    second?.ok && second.data.refreshToken,
    'successors of the new session',
  );
}

/** Asserts that only the password of the successful request is valid, not the old one or another. */
export function assertWinningPassword(nodes: TwoNodes, email: string, winner: number): Promise<void> {
  return assertOnlyPassword(nodes, email, newPassword(winner), [
    password,
    newPassword((winner + 1) % concurrency),
    newPassword((winner + 2) % concurrency),
  ]);
}
