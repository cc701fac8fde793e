/** Password guessing: its effect on the attacked account and on its owner (invariant 2). */
import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { Application, type AppResponse } from './support/application.ts';
import {
  addVerifiedUser,
  login,
  mailsTo,
  messagesTo,
  newestMailedToken,
  type Tokens,
  validPassword,
} from './support/user-actions.ts';

const opened: Application[] = [];

/**
 * A fixed wall clock: on a busy machine two hundred responses take seconds, after which a further attempt is allowed.
 */
const startTime = systemClock.now();
const fixedWallClock: Clock = { now: () => startTime, monotonicMs: () => systemClock.monotonicMs() };

afterEach(async () => {
  for (const app of opened.splice(0).reverse()) await app.close();
});

async function open(deploymentOf?: Application): Promise<Application> {
  const app = await Application.open(deploymentOf === undefined ? { time: fixedWallClock } : { deploymentOf });
  opened.push(app);
  return app;
}

function guess(app: Application, email: string, from = 1): Promise<AppResponse<Tokens>> {
  const json = { email, password: 'never the password' };
  return app.send<Tokens>('POST', '/api/v1/auth/login', { json, peerAddress: `198.51.100.${from}` });
}

async function countedHashes(nodes: readonly Application[]): Promise<number> {
  return nodes.reduce((sum, { services }) => sum + services.hashQueue.counts.computed, 0);
}

describe('200 concurrent wrong passwords for one user, from 50 addresses, on two nodes', () => {
  it.each(['a user', 'an unknown address'])('compute five hashes and get the same responses: %s', async (target) => {
    const nodeA = await open();
    const nodes = [nodeA, await open(nodeA)];
    const email = target === 'a user' ? await addVerifiedUser(nodeA) : 'unknown@example.com';
    const deviceToken = target === 'a user' ? (await login(nodeA, email)).data.deviceToken : undefined;
    const before = await countedHashes(nodes);
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, index) => guess(nodes[index % 2] as Application, email, index % 50)),
    );
    expect(await countedHashes(nodes)).toBe(before + 5);
    const rejected = responses.filter(({ status }) => status === 401);
    expect(rejected.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'invalid_credentials'));
    const delayed = responses.filter(({ status }) => status === 429);
    expect(delayed).toHaveLength(195);
    expect(
      delayed.every(({ code, headers }) => code === 'too_many_requests' && headers.get('retry-after') === '1'),
    ).toBe(true);
    if (deviceToken === undefined) return;
    const owner = await Promise.all(nodes.map((node) => login(node, email, { deviceToken })));
    expect(owner.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('2,000 wrong passwords in ten minutes for one user', () => {
  it('delay further attempts more and more, never delay a known device, and send one notice', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const deviceToken = (await login(app, email)).data.deviceToken;
    let compared = 0;
    for (let index = 0; index < 2000; index += 1) {
      if ((await guess(app, email, index % 250)).status === 401) compared += 1;
      app.clock.advance(300);
    }
    expect(compared).toBeGreaterThanOrEqual(5);
    expect(compared).toBeLessThan(20);
    expect((await login(app, email)).status).toBe(429);
    expect((await login(app, email, { deviceToken })).status).toBe(200);
    await messagesTo(app, email, 2);
    expect((await mailsTo(app, email)).filter((template) => template === 'failed_logins')).toHaveLength(1);

    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const token = await newestMailedToken(app, email, '/reset-password');
    const password = 'chosen after the storm';
    expect((await app.send('POST', '/api/v1/auth/reset-password', { json: { token, password } })).status).toBe(200);
    expect((await login(app, email, { password })).status).toBe(200);
  }, 180_000);
});

describe('a hundred consecutive wrong passwords', () => {
  it('block unknown devices until the user proves the mailbox or an operator unlocks the account', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const deviceToken = (await login(app, email)).data.deviceToken;
    for (let index = 0; index < 100; index += 1) {
      expect((await guess(app, email)).status).toBe(401);
      app.clock.advance(15 * 60_000);
    }
    app.clock.advance(24 * 60 * 60_000);
    const { status, headers } = await guess(app, email);
    expect([status, headers.get('retry-after')]).toEqual([429, '86400']);
    expect((await login(app, email)).status).toBe(429);
    expect((await login(app, email, { deviceToken })).status).toBe(200);
    expect((await login(app, email)).status).toBe(429);
  });
});

describe('concurrent passwords from an unknown device', () => {
  it('all succeed when right, although none has completed before the others start', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const responses = await Promise.all(Array.from({ length: 20 }, () => login(app, email)));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  });

  it('are compared five times when wrong', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const before = await countedHashes([app]);
    const responses = await Promise.all(Array.from({ length: 40 }, () => guess(app, email)));
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(await countedHashes([app])).toBe(before + 5);
  });
});

describe('a right password', () => {
  it('resets only the attempts of its own kind of device', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const deviceToken = (await login(app, email)).data.deviceToken;
    for (let index = 0; index < 4; index += 1) await guess(app, email);
    expect((await login(app, email, { deviceToken })).status).toBe(200);
    expect((await guess(app, email)).status).toBe(401);
    expect((await guess(app, email)).status).toBe(429);
    app.clock.advance(1000);
    expect((await login(app, email)).status).toBe(200);
    expect((await guess(app, email)).status).toBe(401);
    expect((await login(app, email, { password: validPassword })).status).toBe(200);
  });
});
