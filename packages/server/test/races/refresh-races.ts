import assert from 'node:assert/strict';
import { type Answer, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { assertAllDie, password } from './checks.ts';
import type { Race } from './race.ts';

/** invariant 5: winner and losers get the same answer, from one successor. */
export const refresh: Race = {
  name: 'refresh',
  claim: '20 refreshes of one token: 20 equal refresh tokens, one successor row, the family lives on',
  async run(two, email) {
    await two.registerVerified(email, password);
    const [login] = await two.logins(email, password, 1);
    const answers = (await two.atOnce((node) => node.refresh(refreshTokenOf(login)))).map(dataOf);
    const successors = new Set(answers.map(({ refreshToken }) => refreshToken));
    assert.equal(successors.size, 1, `${successors.size} different successors`);
    assert.equal(await two.count(countTokens, [email]), 2, 'rows in the family: the login and its successor');
    assert.equal(await two.count(countEnded, [email]), 0, 'the family was ended');
    const alive = await Promise.all(answers.map(({ accessToken }, index) => two.node(index).session(accessToken)));
    alive.forEach(dataOf);
    dataOf(await two.node(1).refresh([...successors][0] ?? ''));
    return {};
  },
};

/** invariant 4 and 17: what is refreshed while everything ends has ended too. */
export const refreshAgainstLogoutAll: Race = {
  name: 'refresh against logout-all',
  claim: '19 refreshes of four sessions beside a logout-all: no token lives on, on either node, within a second',
  async run(two, email) {
    await two.registerVerified(email, password);
    const sessions = await two.logins(email, password, 4);
    let endedAtMs = 0;
    const answers = await two.atOnce(async (node, index) => {
      const own = sessions[index % sessions.length];
      if (index !== 9) return await node.refresh(refreshTokenOf(own));
      dataOf(await node.logoutAll(own?.accessToken));
      endedAtMs = performance.now();
      return undefined;
    });
    return await assertAllDie(two, [...sessions, ...answers.flatMap(tokensOf)], endedAtMs);
  },
};

/** invariant 4: an operator's command on the command line ends what both nodes hold. */
export const refreshAgainstDisable: Race = {
  name: 'refresh against disable',
  claim:
    'waves of 20 refreshes while an operator disables the user: no token lives on, on either node, within a second',
  async run(two, email) {
    await two.registerVerified(email, password);
    const all = await two.logins(email, password, 4);
    let newest: readonly Tokens[] = [...all];
    let endedAtMs: number | undefined;
    const disabled = two.command('user', 'disable', email).finally(() => {
      endedAtMs = performance.now();
    });
    while (endedAtMs === undefined) {
      const own = newest;
      const wave = await two.atOnce((node, index) => node.refresh(refreshTokenOf(own[index % own.length])));
      all.push(...wave.flatMap(tokensOf));
      const successors = wave.slice(0, own.length).flatMap(tokensOf);
      newest = successors.length === 0 ? own : successors;
    }
    await disabled;
    assert.ok(all.length > 4, 'the command was faster than every refresh');
    return await assertAllDie(two, all, endedAtMs);
  },
};

const countTokens = `
  select count(*) from refresh_tokens t join refresh_families f on f.id = t.family_id
  join identifiers i on i.user_id = f.user_id where i.canonical = $1`;

const countEnded = `
  select count(*) from refresh_families f join identifiers i on i.user_id = f.user_id
  where i.canonical = $1 and f.ended_at is not null`;

/** Beside an ending a refresh may win or be refused; anything else is a fault. */
export function tokensOf(answer: Answer<Tokens> | undefined): Tokens[] {
  if (answer === undefined) return [];
  if (answer.ok) return [answer.data];
  assert.ok([401, 403].includes(answer.status), `a refresh was answered ${answer.status} ${answer.code}`);
  return [];
}

export function refreshTokenOf(tokens: Tokens | undefined): string {
  assert.ok(tokens !== undefined, 'there is no such login');
  return tokens.refreshToken;
}
