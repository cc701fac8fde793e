import assert from 'node:assert/strict';
import { type ApiResult, dataOf, type Tokens } from '../../../../e2e/support/client.ts';
import { assertAllRejected, password } from './checks.ts';
import type { Race } from './race.ts';

/** Invariant 5: all concurrent refreshes return the same successor. */
export const refresh: Race = {
  name: 'refresh',
  claim: '20 refreshes of one token: 20 equal refresh tokens, one successor row, the family stays active',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const [login] = await nodes.logins(email, password, 1);
    const responses = (await nodes.concurrently((node) => node.refresh(refreshTokenOf(login)))).map(dataOf);
    const successors = new Set(responses.map(({ refreshToken }) => refreshToken));
    assert.equal(successors.size, 1, `${successors.size} different successors`);
    assert.equal(await nodes.count(countTokens, [email]), 2, 'rows in the family: the login and its successor');
    assert.equal(await nodes.count(countEnded, [email]), 0, 'the family was revoked');
    const checked = await Promise.all(
      responses.map(({ accessToken }, index) => nodes.node(index).session(accessToken)),
    );
    checked.forEach(dataOf);
    dataOf(await nodes.node(1).refresh([...successors][0] ?? ''));
    return {};
  },
};

/** Invariants 4 and 17: a token that is issued during a logout-all is revoked as well. */
export const refreshAgainstLogoutAll: Race = {
  name: 'refresh against logout-all',
  claim: '19 refreshes of four sessions concurrent with a logout-all: both nodes reject every token within a second',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const sessions = await nodes.logins(email, password, 4);
    let revokedAtMs = 0;
    const responses = await nodes.concurrently(async (node, index) => {
      const session = sessions[index % sessions.length];
      if (index !== 9) return await node.refresh(refreshTokenOf(session));
      dataOf(await node.logoutAll(session?.accessToken));
      revokedAtMs = performance.now();
      return undefined;
    });
    return await assertAllRejected(nodes, [...sessions, ...responses.flatMap(tokensOf)], revokedAtMs);
  },
};

/** Invariant 4: an admin command in another process revokes the tokens on both nodes. */
export const refreshAgainstDisable: Race = {
  name: 'refresh against disable',
  claim: 'waves of 20 refreshes while an operator disables the user: both nodes reject every token within a second',
  async run(nodes, email) {
    await nodes.registerVerified(email, password);
    const issued = await nodes.logins(email, password, 4);
    let newest: readonly Tokens[] = [...issued];
    let revokedAtMs: number | undefined;
    const disabled = nodes.command('user', 'disable', email).finally(() => {
      revokedAtMs = performance.now();
    });
    while (revokedAtMs === undefined) {
      const session = newest;
      const wave = await nodes.concurrently((node, index) =>
        node.refresh(refreshTokenOf(session[index % session.length])),
      );
      issued.push(...wave.flatMap(tokensOf));
      const successors = wave.slice(0, session.length).flatMap(tokensOf);
      newest = successors.length === 0 ? session : successors;
    }
    await disabled;
    assert.ok(issued.length > 4, 'the command was faster than every refresh');
    return await assertAllRejected(nodes, issued, revokedAtMs);
  },
};

const countTokens = `
  select count(*) from refresh_tokens t join refresh_families f on f.id = t.family_id
  join identifiers i on i.user_id = f.user_id where i.canonical = $1`;

const countEnded = `
  select count(*) from refresh_families f join identifiers i on i.user_id = f.user_id
  where i.canonical = $1 and f.ended_at is not null`;

/** During a revocation a refresh may succeed or be rejected; any other response is a fault. */
export function tokensOf(response: ApiResult<Tokens> | undefined): Tokens[] {
  if (response === undefined) return [];
  if (response.ok) return [response.data];
  assert.ok([401, 403].includes(response.status), `a refresh returned ${response.status} ${response.code}`);
  return [];
}

export function refreshTokenOf(tokens: Tokens | undefined): string {
  assert.ok(tokens !== undefined, 'there is no such login');
  return tokens.refreshToken;
}
