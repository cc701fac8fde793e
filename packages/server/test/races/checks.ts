import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Answer, Tokens } from '../../../../e2e/support/client.ts';
import type { Round } from './race.ts';
import type { TwoNodes } from './two-nodes.ts';

/** How often each thing was counted. */
export type Tally = Readonly<Record<string, number>>;

/** The password that everybody registers with. */
export const password = 'the right password of all';

/** The password that the request with this number sets. */
export function chosen(index: number): string {
  return `the chosen password ${index}`;
}

/** Compares, and says both in one line, which is all that a round's failure shows. */
export function assertSame(actual: unknown, expected: unknown, what: string): void {
  assert.ok(
    isDeepStrictEqual(actual, expected),
    `${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`,
  );
}

/** How often each outcome came: `won`, or the code of the refusal. */
export function tallyOf(answers: readonly Answer<unknown>[]): Tally {
  const tally: Record<string, number> = {};
  for (const answer of answers) {
    const outcome = outcomeOf(answer);
    tally[outcome] = (tally[outcome] ?? 0) + 1;
  }
  return tally;
}

/** The number of the only one that won; the others must have been refused with one of the codes. */
export function onlyWinner(answers: readonly Answer<unknown>[], codes: readonly string[]): number {
  assert.equal(assertWinners(answers, codes), 1, `winners among ${JSON.stringify(tallyOf(answers))}`);
  return answers.findIndex(({ ok }) => ok);
}

/** How many won; the others must have been refused with one of the codes. */
export function assertWinners(answers: readonly Answer<unknown>[], codes: readonly string[]): number {
  const outcomes = answers.map(outcomeOf);
  const strange = outcomes.filter((outcome) => outcome !== 'won' && !codes.includes(outcome));
  assert.deepEqual(strange, [], `refused with ${[...new Set(strange)].join(', ')}`);
  return outcomes.filter((outcome) => outcome === 'won').length;
}

function outcomeOf(answer: Answer<unknown>): string {
  return answer.ok ? 'won' : answer.code;
}

/** Of all passwords only this one opens, on both nodes. */
export async function assertOpens(
  two: TwoNodes,
  email: string,
  opening: string,
  others: readonly string[],
): Promise<void> {
  for (const node of two.clients) {
    for (const candidate of [opening, ...others]) {
      const answer = await node.login(email, candidate);
      const expected = candidate === opening ? 'won' : 'invalid_credentials';
      assert.equal(outcomeOf(answer), expected, `"${candidate}" of ${email}: ${outcomeOf(answer)}`);
    }
  }
}

/** Refresh tokens must be dead at once, access tokens within a second of the ending, on both nodes. */
export async function assertAllDie(two: TwoNodes, all: readonly Tokens[], endedAtMs: number): Promise<Round> {
  const refreshTokens = [...new Set(all.map(({ refreshToken }) => refreshToken))];
  const accessTokens = [...new Set(all.map(({ accessToken }) => accessToken))];
  // Asked together: one after the other, the first answers of a busy machine would make the second question late.
  const [diedAfterMs, refreshed] = await Promise.all([
    untilAllDead(two, accessTokens, endedAtMs),
    onBothNodes(two, refreshTokens, (node, token) => node.refresh(token)),
  ]);
  assert.equal(refreshed.filter(({ ok }) => ok).length, 0, 'a refresh token lives on');
  return { diedAfterMs };
}

/** Answers after how many milliseconds the check was begun that found all of them dead. */
async function untilAllDead(two: TwoNodes, accessTokens: readonly string[], endedAtMs: number): Promise<number> {
  for (;;) {
    const askedAtMs = performance.now();
    const checked = await onBothNodes(two, accessTokens, (node, token) => node.session(token));
    const alive = checked.filter(({ ok }) => ok).length;
    const late = Math.round(askedAtMs - endedAtMs);
    if (alive === 0) return late;
    assert.ok(late < 1000, `${alive} of ${checked.length} access tokens live ${late} ms after the ending`);
  }
}

async function onBothNodes(
  two: TwoNodes,
  tokens: readonly string[],
  ask: (node: TwoNodes['clients'][number], token: string) => Promise<Answer<unknown>>,
): Promise<Answer<unknown>[]> {
  return await Promise.all(two.clients.flatMap((node) => tokens.map((token) => ask(node, token))));
}
