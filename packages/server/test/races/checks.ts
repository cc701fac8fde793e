import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { ApiResult, Tokens } from '../../../../e2e/support/client.ts';
import type { Round } from './race.ts';
import type { TwoNodes } from './two-nodes.ts';

/** Number of occurrences by name. */
export type Counts = Readonly<Record<string, number>>;

/** The password with which every user registers. */
export const password = 'the right password of all';

/** The password that the request with this number sets. */
export function newPassword(index: number): string {
  return `the chosen password ${index}`;
}

/** Compares and reports both values in one line, because the report of a round shows one line. */
export function assertSame(actual: unknown, expected: unknown, what: string): void {
  assert.ok(
    isDeepStrictEqual(actual, expected),
    `${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`,
  );
}

/** Counts the outcomes: `success`, or the code of the problem. */
export function countOutcomes(responses: readonly ApiResult<unknown>[]): Counts {
  const tally: Record<string, number> = {};
  for (const response of responses) {
    const outcome = outcomeOf(response);
    tally[outcome] = (tally[outcome] ?? 0) + 1;
  }
  return tally;
}

/** Returns the number of the only successful request; every other must have failed with one of the codes. */
export function requireOneSuccess(responses: readonly ApiResult<unknown>[], codes: readonly string[]): number {
  assert.equal(countSuccesses(responses, codes), 1, `successes among ${JSON.stringify(countOutcomes(responses))}`);
  return responses.findIndex(({ ok }) => ok);
}

/** Returns how many requests succeeded; every other must have failed with one of the codes. */
export function countSuccesses(responses: readonly ApiResult<unknown>[], codes: readonly string[]): number {
  const outcomes = responses.map(outcomeOf);
  const unexpected = outcomes.filter((outcome) => outcome !== 'success' && !codes.includes(outcome));
  assert.deepEqual(unexpected, [], `rejected with ${[...new Set(unexpected)].join(', ')}`);
  return outcomes.filter((outcome) => outcome === 'success').length;
}

function outcomeOf(response: ApiResult<unknown>): string {
  return response.ok ? 'success' : response.code;
}

/** Asserts that of these passwords only one is accepted, on both nodes. */
export async function assertOnlyPassword(
  nodes: TwoNodes,
  email: string,
  password: string,
  others: readonly string[],
): Promise<void> {
  for (const node of nodes.clients) {
    for (const candidate of [password, ...others]) {
      const response = await node.login(email, candidate);
      const expected = candidate === password ? 'success' : 'invalid_credentials';
      assert.equal(outcomeOf(response), expected, `"${candidate}" of ${email}: ${outcomeOf(response)}`);
    }
  }
}

/**
 * Asserts that both nodes reject all refresh tokens at once and all access tokens within a second of the revocation.
 */
export async function assertAllRejected(nodes: TwoNodes, all: readonly Tokens[], revokedAtMs: number): Promise<Round> {
  const refreshTokens = [...new Set(all.map(({ refreshToken }) => refreshToken))];
  const accessTokens = [...new Set(all.map(({ accessToken }) => accessToken))];
  // In parallel, because on a busy machine a sequential second check would start too late.
  const [rejectedAfterMs, refreshed] = await Promise.all([
    awaitRejections(nodes, accessTokens, revokedAtMs),
    onBothNodes(nodes, refreshTokens, (node, token) => node.refresh(token)),
  ]);
  assert.equal(refreshed.filter(({ ok }) => ok).length, 0, 'a refresh token is still accepted');
  return { rejectedAfterMs };
}

/**
 * Returns the milliseconds from the revocation to the start of the first check in which all access tokens are rejected.
 */
async function awaitRejections(nodes: TwoNodes, accessTokens: readonly string[], revokedAtMs: number): Promise<number> {
  for (;;) {
    const startedAtMs = performance.now();
    const checked = await onBothNodes(nodes, accessTokens, (node, token) => node.session(token));
    const accepted = checked.filter(({ ok }) => ok).length;
    const late = Math.round(startedAtMs - revokedAtMs);
    if (accepted === 0) return late;
    assert.ok(
      late < 1000,
      `${accepted} of ${checked.length} access tokens are accepted ${late} ms after the revocation`,
    );
  }
}

async function onBothNodes(
  nodes: TwoNodes,
  tokens: readonly string[],
  send: (node: TwoNodes['clients'][number], token: string) => Promise<ApiResult<unknown>>,
): Promise<ApiResult<unknown>[]> {
  return await Promise.all(nodes.clients.flatMap((node) => tokens.map((token) => send(node, token))));
}
