import assert from 'node:assert/strict';
import { type Answer, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import {
  assertAllDie,
  assertOpens,
  assertSame,
  assertWinners,
  chosen,
  onlyWinner,
  password,
  tallyOf,
} from './checks.ts';
import { Person } from './person-state.ts';
import type { Race } from './race.ts';
import { type TwoNodes, ways } from './two-nodes.ts';

/** invariant 1 and 4: a reset link is good once, and nothing older survives its use. */
export const resetLink: Race = {
  name: 'reset link',
  claim: '20 passwords by one link: one is set, no older token lives on either node, one notice, one event',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const token = await askLink(two, email);
    const person = await Person.find(two, email);
    const answers = await two.atOnce((node, index) => node.resetPassword(token, chosen(index)));
    const endedAtMs = performance.now();
    const winner = onlyWinner(answers, ['invalid_token']);
    const round = await assertAllDie(two, sessions, endedAtMs);
    await person.assertSettled({
      ...resting(email),
      events: { 'password.reset': 1 },
      mails: { password_reset_done: 1 },
    });
    await assertOnlyOpens(two, email, winner);
    return round;
  },
};

/** invariant 4: whichever comes first ends what the other one needs. */
export const changeAgainstReset: Race = {
  name: 'change against reset',
  claim:
    '10 changes on one node beside 10 resets on the other: one wins, only its password opens, only its session lives',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const token = await askLink(two, email);
    const person = await Person.find(two, email);
    const answers: Answer<unknown>[] = await two.atOnce((node, index) =>
      index % 2 === 0
        ? node.changePassword(password, chosen(index), sessions[(index / 2) % sessions.length]?.accessToken)
        : node.resetPassword(token, chosen(index)),
    );
    const endedAtMs = performance.now();
    const winner = onlyWinner(answers, ['invalid_token', 'not_authenticated', 'invalid_password', 'too_many_requests']);
    const isChange = winner % 2 === 0;
    const round = await assertAllDie(two, sessions, endedAtMs);
    if (isChange) await assertLives(two, answers[winner] as Answer<Tokens> | undefined);
    await person.assertSettled({
      ...resting(email),
      sessions: isChange ? 1 : 0,
      events: {
        [isChange ? 'password.changed' : 'password.reset']: 1,
        'password.change_refused': tallyOf(answers).invalid_password ?? 0,
      },
      mails: { [isChange ? 'password_changed' : 'password_reset_done']: 1 },
    });
    await assertOnlyOpens(two, email, winner);
    return { ...round, outcome: isChange ? 'changed' : 'reset' };
  },
};

/** invariant 4: the session that changes the password goes on as one new session, not as twenty. */
export const changePassword: Race = {
  name: 'password change',
  claim: '20 changes by one session on two nodes: one wins, and its renewed session is the only one that lives',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const person = await Person.find(two, email);
    const acting = sessions[0]?.accessToken;
    const answers = await two.atOnce((node, index) => node.changePassword(password, chosen(index), acting));
    const endedAtMs = performance.now();
    const winner = onlyWinner(answers, ['not_authenticated', 'invalid_password', 'too_many_requests']);
    const round = await assertAllDie(two, sessions, endedAtMs);
    await assertLives(two, answers[winner]);
    await person.assertSettled({
      ...resting(email),
      sessions: 1,
      events: { 'password.changed': 1, 'password.change_refused': tallyOf(answers).invalid_password ?? 0 },
      mails: { password_changed: 1 },
    });
    await assertOnlyOpens(two, email, winner);
    return round;
  },
};

/** invariant 4: who logs out everywhere after a change means the renewed session too. */
export const changeAgainstLogoutAll: Race = {
  name: 'change against logout-all',
  claim: '10 changes beside 10 logout-alls: the renewed session lives on both nodes or on none, as the answers say',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const person = await Person.find(two, email);
    const tokenAt = (index: number) => sessions[index % sessions.length]?.accessToken;
    const answers: Answer<unknown>[] = await two.atOnce(async (node, index) => {
      if (index % 4 < 2) return await node.changePassword(password, chosen(index), tokenAt(index));
      await two.linger(24);
      return await node.logoutAll(tokenAt(index));
    });
    const endedAtMs = performance.now();
    const [changes, logouts] = [
      answers.filter((_, index) => index % 4 < 2),
      answers.filter((_, index) => index % 4 > 1),
    ];
    const changed = assertWinners(changes, ['not_authenticated', 'invalid_password', 'too_many_requests']);
    const loggedOut = assertWinners(logouts, ['not_authenticated']);
    assert.ok(changed <= 1, `${changed} changes won`);
    const winner = answers.findIndex(({ ok }, index) => ok && index % 4 < 2);
    const renewed = (answers[winner] as Answer<Tokens> | undefined) ?? undefined;
    // A logout-all before the change would have ended its session: of two that won, it was the later one.
    const lives = changed === 1 && loggedOut === 0;
    const ended = lives || renewed === undefined ? sessions : [...sessions, dataOf(renewed)];
    const round = await assertAllDie(two, ended, endedAtMs);
    if (lives) await assertLives(two, renewed);
    await person.assertSettled({
      ...resting(email),
      sessions: lives ? 1 : 0,
      events: {
        'password.changed': changed,
        'password.change_refused': tallyOf(changes).invalid_password ?? 0,
        'session.logged_out_everywhere': loggedOut,
      },
      mails: { password_changed: changed },
    });
    if (changed === 1) await assertOnlyOpens(two, email, winner);
    else await assertOpens(two, email, password, [chosen(0), chosen(1)]);
    return { ...round, outcome: outcomeOf(changed, loggedOut) };
  },
};

function outcomeOf(changed: number, loggedOut: number): string {
  if (changed === 0) return 'logged out first';
  return loggedOut === 0 ? 'changed only' : 'changed, then logged out';
}

/** An account at rest: one proven address and nothing that could be used. */
export function resting(email: string) {
  return { status: 'active', addresses: [`${email} primary`], sessions: 0, tickets: 0, links: {} } as const;
}

/** Mails a reset link and answers its secret. */
export async function askLink(two: TwoNodes, email: string): Promise<string> {
  dataOf(await two.node(0).forgotPassword(email));
  return tokenOf(await two.awaitLink(email, [], '/reset-password'));
}

/** What a session was renewed as can be used on both nodes, and be refreshed once. */
async function assertLives(two: TwoNodes, renewed: Answer<Tokens> | undefined): Promise<void> {
  assert.ok(renewed !== undefined, 'there is no renewed session');
  const { accessToken, refreshToken } = dataOf(renewed);
  for (const node of two.clients) dataOf(await node.session(accessToken));
  const [first, second] = await Promise.all(two.clients.map((node) => node.refresh(refreshToken)));
  assertSame(first?.ok && first.data.refreshToken, second?.ok && second.data.refreshToken, 'successors of the renewed');
}

/** Only the password of the request that won opens: neither the old one, nor another one that was sent. */
export function assertOnlyOpens(two: TwoNodes, email: string, winner: number): Promise<void> {
  return assertOpens(two, email, chosen(winner), [password, chosen((winner + 1) % ways), chosen((winner + 2) % ways)]);
}
