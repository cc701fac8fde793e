import assert from 'node:assert/strict';
import { type Answer, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { tokenOf } from '../../../../e2e/support/inbox.ts';
import type { Race } from './race.ts';
import { assertAllDie } from './refresh-races.ts';
import { type TwoNodes, ways } from './two-nodes.ts';

const password = 'the right password of all';

/** DESIGN §5.1 and §5.4: a reset link is good once, and nothing older survives its use. */
export const resetLink: Race = {
  name: 'reset link',
  claim: '20 passwords by one link: one is set, no older token lives on either node, one notice, one event',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const token = await askLink(two, email);
    const answers = await two.atOnce((node, index) => node.resetPassword(token, chosen(index)));
    const endedAtMs = performance.now();
    const winner = onlyWinner(answers, ['invalid_token']);
    const round = await assertAllDie(two, sessions, endedAtMs);
    await assertOnlyOpens(two, email, winner);
    assert.equal(await two.count(countEvents, [email, 'password.reset']), 1, 'events of the reset');
    assert.equal(await two.count(countMails, [email, 'password_reset_done']), 1, 'notices of the reset');
    return round;
  },
};

/** DESIGN §5.4: whichever comes first ends what the other one needs. */
export const changeAgainstReset: Race = {
  name: 'change against reset',
  claim:
    '10 changes on one node beside 10 resets on the other: one wins, only its password opens, only its session lives',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    const token = await askLink(two, email);
    const answers: Answer<unknown>[] = await two.atOnce((node, index) =>
      index % 2 === 0
        ? node.changePassword(password, chosen(index), sessions[(index / 2) % sessions.length]?.accessToken)
        : node.resetPassword(token, chosen(index)),
    );
    const endedAtMs = performance.now();
    const winner = onlyWinner(answers, ['invalid_token', 'not_authenticated', 'invalid_password']);
    const round = await assertAllDie(two, sessions, endedAtMs);
    const renewed = answers[winner];
    if (winner % 2 === 0 && renewed !== undefined) {
      const { accessToken } = dataOf(renewed as Answer<Tokens>);
      for (const node of two.clients) dataOf(await node.session(accessToken));
    }
    assert.equal(await two.count(countLive, [email]), winner % 2 === 0 ? 1 : 0, 'sessions that live');
    await assertOnlyOpens(two, email, winner);
    return round;
  },
};

const countEvents = `
  select count(*) from audit_events a join identifiers i on i.user_id = a.user_id
  where i.canonical = $1 and a.action = $2`;

const countMails = `
  select count(*) from mail_ledger m join identifiers i on i.user_id = m.user_id
  where i.canonical = $1 and m.template = $2`;

const countLive = `
  select count(*) from sessions s join identifiers i on i.user_id = s.user_id
  where i.canonical = $1 and s.ended_at is null`;

function chosen(index: number): string {
  return `the chosen password ${index}`;
}

async function askLink(two: TwoNodes, email: string): Promise<string> {
  dataOf(await two.node(0).forgotPassword(email));
  return tokenOf(await two.awaitLink(email, [], '/reset-password'));
}

/** The number of the one that won; the others must have been refused with one of the codes. */
function onlyWinner(answers: readonly Answer<unknown>[], codes: readonly string[]): number {
  const outcomes = answers.map((answer) => (answer.ok ? 'won' : answer.code));
  assert.equal(outcomes.filter((outcome) => outcome === 'won').length, 1, `winners among ${outcomes.join(' ')}`);
  assert.equal(outcomes.filter((outcome) => codes.includes(outcome)).length, ways - 1, outcomes.join(' '));
  return outcomes.indexOf('won');
}

async function assertOnlyOpens(two: TwoNodes, email: string, winner: number): Promise<void> {
  const loser = (winner + 1) % ways;
  for (const [candidate, expected] of [
    [password, 'invalid_credentials'],
    [chosen(loser), 'invalid_credentials'],
    [chosen(winner), 'opens'],
  ] as const) {
    const answer = await two.node(winner).login(email, candidate);
    assert.equal(answer.ok ? 'opens' : answer.code, expected, candidate);
  }
}
