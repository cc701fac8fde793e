/** Guesses at one person in the middle of which a process dies (invariant 2): what was counted stays counted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { GuessedDeployment, type Owner } from './support/guessed-deployment.ts';

const freeGuesses = 5;
const processes = 2;
const quota = 4;
const addresses = 50;

const env = {
  LATCHKEY_TRUSTED_PROXIES: '127.0.0.1',
  LATCHKEY_LIMIT_CREDENTIAL: `${quota}/1h`,
  // Some tenths of a second each and one after the other, so that there is always one under way when a process dies.
  LATCHKEY_ARGON2_MEMORY_KIB: '65536',
  LATCHKEY_ARGON2_TIME: '6',
  LATCHKEY_HASH_CONCURRENCY: '1',
};

let deployment: GuessedDeployment;
let owner: Owner;

beforeAll(async () => {
  deployment = await GuessedDeployment.start(await cloneDatabase(), env);
  owner = await deployment.addOwner('owner@example.com', 'the right password');
});

afterAll(() => deployment[Symbol.asyncDispose]());

/** What came back: the process that was asked may have died over it. */
type Told = { readonly status: number; readonly retryAfter: number; readonly words: string };

async function ask(node: number, address: string, body: object): Promise<Told | 'broken'> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': address };
  const request = { headers, body: JSON.stringify(body) };
  try {
    const response = await deployment.node(node).send('POST', '/api/v1/auth/login', request);
    return toldBy(response, await response.text());
  } catch (error) {
    if (error instanceof TypeError) return 'broken';
    throw error;
  }
}

const varying = /^(?:date|x-request-id|content-length|retry-after|ratelimit|connection|keep-alive)$/;

/** Everything by which two answers could be told apart, but for when they were given and which request they answer. */
function toldBy({ status, headers }: Response, text: string): Told {
  const { meta, ...body } = JSON.parse(text) as Record<string, unknown>;
  const fixed = [...headers].filter(([name]) => !varying.test(name));
  const words = JSON.stringify([status, body, Object.keys(meta as object), fixed, [...headers.keys()].sort()]);
  return { status, retryAfter: Number(headers.get('retry-after')), words };
}

let asked = 0;
/** A guess from an address that nobody has used yet. */
function guessFromElsewhere(node: number, email: string): Promise<Told | 'broken'> {
  asked += 1;
  return guess(node, email, `203.0.${113 + Math.floor(asked / 250)}.${asked % 250}`);
}

function guess(node: number, email: string, address: string): Promise<Told | 'broken'> {
  return ask(node, address, { email, password: 'never the password' });
}

async function ownerLogsIn(...nodes: number[]): Promise<void> {
  for (const node of nodes) {
    const told = await ask(node, '198.51.100.200', owner);
    expect(told === 'broken' ? told : told.status).toBe(200);
  }
}

/** A process on which a hash is being computed now: begun, as nobody has had an answer for it. */
async function busyNode(begunBefore: readonly number[], answers: readonly (Told | 'broken')[][]) {
  for (let node = 0; node < processes; node += 1) {
    const begun = (await deployment.begunHashes(node)) - (begunBefore[node] ?? 0);
    const answered = (answers[node] ?? []).filter(isGuess).length;
    if (begun > answered) return { victim: node, begun };
  }
  return undefined;
}

function isGuess(told: Told | 'broken'): boolean {
  return told !== 'broken' && told.status === 401;
}

/** Guesses that the counter grants in so long: the free ones, then one after 1 s, after 2 more, after 4 more … */
function grantedWithin(startedMs: number): number {
  const seconds = (performance.now() - startedMs) / 1000;
  return freeGuesses + Math.max(processes, Math.floor(Math.log2(seconds + 1)));
}

async function failures(): Promise<number> {
  return (await deployment.guessCounter())?.failures ?? 0;
}

/** Two hundred at once from fifty addresses, each of which asks both processes twice; one process dies over them. */
async function storm(email: string) {
  const begunBefore = await Promise.all([deployment.begunHashes(0), deployment.begunHashes(1)]);
  const answers: (Told | 'broken')[][] = [[], []];
  const all = Array.from({ length: 200 }, async (_, index) => {
    const node = Math.floor(index / addresses) % processes;
    const told = await guess(node, email, `198.51.100.${index % addresses}`);
    answers[node]?.push(told);
  });
  const { victim, begun } = await eventually(() => busyNode(begunBefore, answers), { what: 'a hash is under way' });
  await deployment.kill(victim);
  const survivor = 1 - victim;
  await ownerLogsIn(survivor);
  await Promise.all(all);
  const byOwner = 1;
  const begunThere = (await deployment.begunHashes(survivor)) - (begunBefore[survivor] ?? 0) - byOwner;
  return { victim, answers, hashes: begun + begunThere };
}

describe('200 wrong passwords at once from 50 addresses, with SIGKILL to one of two processes over them', () => {
  const words = new Map<string, Set<string>>();

  it.each(['a user', 'nobody'])('leave every guess counted, and keep no owner out: %s', async (who) => {
    const email = who === 'nobody' ? 'nobody@example.com' : owner.email;
    await deployment.forgetGuesses();
    await ownerLogsIn(0, 1);
    const startedMs = performance.now();
    const { victim, answers, hashes } = await storm(email);
    const answered = answers.flat().filter((told) => told !== 'broken');
    expect(answered.length).toBeLessThan(200);
    expect(answered.filter(isGuess).length).toBeLessThanOrEqual(await failures());
    expect(hashes).toBeLessThanOrEqual(await failures());
    expect(await failures()).toBeGreaterThanOrEqual(freeGuesses);
    expect(await failures()).toBeLessThanOrEqual(grantedWithin(startedMs));
    const counted = [await deployment.guessCounter(), await deployment.usedQuotas()];
    expect((await deployment.usedQuotas())?.hits).toBeGreaterThanOrEqual(answered.length);

    await deployment.revive(victim);
    expect([await deployment.guessCounter(), await deployment.usedQuotas()]).toEqual(counted);
    const again = await Promise.all(Array.from({ length: 20 }, (_, index) => guessFromElsewhere(index % 2, email)));
    const early = again.filter((told) => told !== 'broken').filter(({ status }) => status === 429);
    expect(early.length).toBeGreaterThanOrEqual(again.length - processes);
    await ownerLogsIn(0, 1);

    const next = await eventually(
      async () => {
        const told = await guessFromElsewhere(victim, email);
        return told !== 'broken' && told.status === 401 && told;
      },
      { what: 'the wait is over', timeoutMs: 60_000 },
    );
    expect(await failures()).toBeLessThanOrEqual(grantedWithin(startedMs));
    words.set(who, new Set([...answered, ...early, next].map((told) => told.words)));
    expect(words.get(who)?.size).toBe(2);

    // Both answers of the survivor were counted for each address, so at most half of a quota is left.
    const more = [0, 1, 0, 1].map((node) => guess(node, email, '198.51.100.7'));
    const refused = (await Promise.all(more)).filter((told) => told !== 'broken' && told.retryAfter > 1000);
    expect(refused.length).toBeGreaterThanOrEqual(quota / 2);
    await ownerLogsIn(0, 1);
  });

  it('are answered in the same words, whoever was guessed at', () => {
    expect(words.get('nobody')).toEqual(words.get('a user'));
  });
});
