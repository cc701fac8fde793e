/** Password guessing while a process crashes (invariant 2): counted attempts stay counted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Owner, TwoNodeDeployment } from './support/two-node-deployment.ts';

const freeAttempts = 5;
const processes = 2;
const quota = 4;
const addresses = 50;

const env = {
  LATCHKEY_TRUSTED_PROXIES: '127.0.0.1',
  LATCHKEY_LIMIT_CREDENTIAL: `${quota}/1h`,
  // Some tenths of a second per hash and one hash at a time, so that a hash is always in progress when a process is
  // killed.
  LATCHKEY_ARGON2_MEMORY_KIB: '65536',
  LATCHKEY_ARGON2_TIME: '6',
  LATCHKEY_HASH_CONCURRENCY: '1',
};

let deployment: TwoNodeDeployment;
let owner: Owner;

beforeAll(async () => {
  deployment = await TwoNodeDeployment.start(await cloneDatabase(), env);
  owner = await deployment.addOwner('owner@example.com', 'the right password');
});

afterAll(() => deployment[Symbol.asyncDispose]());

/** A response; a crashed process returns none. */
type LoginResponse = { readonly status: number; readonly retryAfter: number; readonly comparable: string };

async function sendLogin(node: number, address: string, body: object): Promise<LoginResponse | 'broken'> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': address };
  const request = { headers, body: JSON.stringify(body) };
  try {
    const response = await deployment.node(node).send('POST', '/api/v1/auth/login', request);
    return readResponse(response, await response.text());
  } catch (error) {
    if (error instanceof TypeError) return 'broken';
    throw error;
  }
}

const variableHeaders = /^(?:date|x-request-id|content-length|retry-after|ratelimit|connection|keep-alive)$/;

/** The response without the parts that always differ. */
function readResponse({ status, headers }: Response, text: string): LoginResponse {
  const { meta, ...body } = JSON.parse(text) as Record<string, unknown>;
  const fixed = [...headers].filter(([name]) => !variableHeaders.test(name));
  const comparable = JSON.stringify([status, body, Object.keys(meta as object), fixed, [...headers.keys()].sort()]);
  return { status, retryAfter: Number(headers.get('retry-after')), comparable };
}

let addressCount = 0;
/** An attempt from a new address. */
function guessFromNewAddress(node: number, email: string): Promise<LoginResponse | 'broken'> {
  addressCount += 1;
  return guess(node, email, `203.0.${113 + Math.floor(addressCount / 250)}.${addressCount % 250}`);
}

function guess(node: number, email: string, address: string): Promise<LoginResponse | 'broken'> {
  return sendLogin(node, address, { email, password: 'never the password' });
}

async function expectOwnerLogin(...nodes: number[]): Promise<void> {
  for (const node of nodes) {
    const response = await sendLogin(node, '198.51.100.200', owner);
    expect(response === 'broken' ? response : response.status).toBe(200);
  }
}

/** A process that computes a hash now: it has started more hashes than it has returned responses. */
async function findBusyNode(startedBefore: readonly number[], responses: readonly (LoginResponse | 'broken')[][]) {
  for (let node = 0; node < processes; node += 1) {
    const started = (await deployment.startedHashes(node)) - (startedBefore[node] ?? 0);
    const received = (responses[node] ?? []).filter(isCompared).length;
    if (started > received) return { killed: node, started };
  }
  return undefined;
}

function isCompared(response: LoginResponse | 'broken'): boolean {
  return response !== 'broken' && response.status === 401;
}

/**
 * The attempts that the counter allows in this time: the free ones, then one after 1 s, after 2 more, after 4 more …
 */
function allowedAttempts(startedMs: number): number {
  const seconds = (performance.now() - startedMs) / 1000;
  return freeAttempts + Math.max(processes, Math.floor(Math.log2(seconds + 1)));
}

async function failures(): Promise<number> {
  return (await deployment.attemptCounter())?.failures ?? 0;
}

/**
 * Two hundred concurrent attempts from fifty addresses, each of which calls both processes twice; one process is
 * killed.
 */
async function attack(email: string) {
  const startedBefore = await Promise.all([deployment.startedHashes(0), deployment.startedHashes(1)]);
  const responses: (LoginResponse | 'broken')[][] = [[], []];
  const all = Array.from({ length: 200 }, async (_, index) => {
    const node = Math.floor(index / addresses) % processes;
    const response = await guess(node, email, `198.51.100.${index % addresses}`);
    responses[node]?.push(response);
  });
  const { killed, started } = await eventually(() => findBusyNode(startedBefore, responses), {
    what: 'a hash is in progress',
  });
  await deployment.kill(killed);
  const survivor = 1 - killed;
  await expectOwnerLogin(survivor);
  await Promise.all(all);
  const byOwner = 1;
  const startedOnSurvivor = (await deployment.startedHashes(survivor)) - (startedBefore[survivor] ?? 0) - byOwner;
  return { killed, responses, hashes: started + startedOnSurvivor };
}

describe('200 concurrent wrong passwords from 50 addresses while one of two processes is killed', () => {
  const comparable = new Map<string, Set<string>>();

  it.each(['a user', 'an unknown address'])('are all counted, and never delay a known device: %s', async (target) => {
    const email = target === 'an unknown address' ? 'unknown@example.com' : owner.email;
    await deployment.resetCounters();
    await expectOwnerLogin(0, 1);
    const startedMs = performance.now();
    const { killed, responses, hashes } = await attack(email);
    const received = responses.flat().filter((response) => response !== 'broken');
    expect(received.length).toBeLessThan(200);
    expect(received.filter(isCompared).length).toBeLessThanOrEqual(await failures());
    expect(hashes).toBeLessThanOrEqual(await failures());
    expect(await failures()).toBeGreaterThanOrEqual(freeAttempts);
    expect(await failures()).toBeLessThanOrEqual(allowedAttempts(startedMs));
    const counted = [await deployment.attemptCounter(), await deployment.usedQuotas()];
    expect((await deployment.usedQuotas())?.hits).toBeGreaterThanOrEqual(received.length);

    await deployment.restart(killed);
    expect([await deployment.attemptCounter(), await deployment.usedQuotas()]).toEqual(counted);
    const retries = await Promise.all(Array.from({ length: 20 }, (_, index) => guessFromNewAddress(index % 2, email)));
    const delayed = retries.filter((response) => response !== 'broken').filter(({ status }) => status === 429);
    expect(delayed.length).toBeGreaterThanOrEqual(retries.length - processes);
    await expectOwnerLogin(0, 1);

    const next = await eventually(
      async () => {
        const response = await guessFromNewAddress(killed, email);
        return response !== 'broken' && response.status === 401 && response;
      },
      { what: 'the delay has passed', timeoutMs: 60_000 },
    );
    expect(await failures()).toBeLessThanOrEqual(allowedAttempts(startedMs));
    comparable.set(target, new Set([...received, ...delayed, next].map((response) => response.comparable)));
    expect(comparable.get(target)?.size).toBe(2);

    // The survivor counted both responses for each address, so at most half of a quota remains.
    const more = [0, 1, 0, 1].map((node) => guess(node, email, '198.51.100.7'));
    const rejected = (await Promise.all(more)).filter(
      (response) => response !== 'broken' && response.retryAfter > 1000,
    );
    expect(rejected.length).toBeGreaterThanOrEqual(quota / 2);
    await expectOwnerLogin(0, 1);
  });

  it('return the same responses for a user and an unknown address', () => {
    expect(comparable.get('an unknown address')).toEqual(comparable.get('a user'));
  });
});
