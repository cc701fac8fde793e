/** Guessing passwords: what strangers can do to an account, and what they cannot (invariant 2). */
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

/** On a busy machine two hundred answers take seconds, in which a further guess would be free. */
const start = systemClock.now();
const standing: Clock = { now: () => start, monotonicMs: () => systemClock.monotonicMs() };

afterEach(async () => {
  for (const app of opened.splice(0).reverse()) await app.close();
});

async function open(besides?: Application): Promise<Application> {
  const app = await Application.open(besides === undefined ? { time: standing } : { deploymentOf: besides });
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

describe('200 wrong passwords at once for one person, from 50 addresses, on two nodes', () => {
  it.each(['a user', 'nobody'])('compute five hashes and get the same answers: %s', async (who) => {
    const here = await open();
    const nodes = [here, await open(here)];
    const email = who === 'a user' ? await addVerifiedUser(here) : 'nobody@example.com';
    const known = who === 'a user' ? (await login(here, email)).data.deviceToken : undefined;
    const before = await countedHashes(nodes);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => guess(nodes[index % 2] as Application, email, index % 50)),
    );
    expect(await countedHashes(nodes)).toBe(before + 5);
    const refused = answers.filter(({ status }) => status === 401);
    expect(refused.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'invalid_credentials'));
    const late = answers.filter(({ status }) => status === 429);
    expect(late).toHaveLength(195);
    expect(late.every(({ code, headers }) => code === 'too_many_requests' && headers.get('retry-after') === '1')).toBe(
      true,
    );
    if (known === undefined) return;
    const owner = await Promise.all(nodes.map((node) => login(node, email, { deviceToken: known })));
    expect(owner.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('2,000 wrong passwords in ten minutes for one person', () => {
  it('shut strangers out for longer and longer, keep no owner out, and bring one notice', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const device = (await login(app, email)).data.deviceToken;
    let taken = 0;
    for (let index = 0; index < 2000; index += 1) {
      if ((await guess(app, email, index % 250)).status === 401) taken += 1;
      app.clock.advance(300);
    }
    expect(taken).toBeGreaterThanOrEqual(5);
    expect(taken).toBeLessThan(20);
    expect((await login(app, email)).status).toBe(429);
    expect((await login(app, email, { deviceToken: device })).status).toBe(200);
    await messagesTo(app, email, 2);
    expect((await mailsTo(app, email)).filter((template) => template === 'failed_logins')).toHaveLength(1);

    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const token = await newestMailedToken(app, email, '/reset-password');
    const password = 'chosen after the storm';
    expect((await app.send('POST', '/api/v1/auth/reset-password', { json: { token, password } })).status).toBe(200);
    expect((await login(app, email, { password })).status).toBe(200);
  }, 180_000);
});

describe('a hundred wrong passwords in a row', () => {
  it('stop strangers until the mailbox is proven or an operator unlocks, whatever time goes by', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const device = (await login(app, email)).data.deviceToken;
    for (let index = 0; index < 100; index += 1) {
      expect((await guess(app, email)).status).toBe(401);
      app.clock.advance(15 * 60_000);
    }
    app.clock.advance(24 * 60 * 60_000);
    const { status, headers } = await guess(app, email);
    expect([status, headers.get('retry-after')]).toEqual([429, '86400']);
    expect((await login(app, email)).status).toBe(429);
    expect((await login(app, email, { deviceToken: device })).status).toBe(200);
    expect((await login(app, email)).status).toBe(429);
  });
});

describe('twenty right passwords at once', () => {
  it('all open, on a device that nobody knows, though none has yet said that it was right', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const answers = await Promise.all(Array.from({ length: 20 }, () => login(app, email)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  });

  it('are let in beside wrong ones as far as the counter grants, and never let more wrong ones through', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const before = await countedHashes([app]);
    const answers = await Promise.all(Array.from({ length: 40 }, () => guess(app, email)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(await countedHashes([app])).toBe(before + 5);
  });
});

describe('a right password', () => {
  it('resets the guesses of its own side only', async () => {
    const app = await open();
    const email = await addVerifiedUser(app);
    const device = (await login(app, email)).data.deviceToken;
    for (let index = 0; index < 4; index += 1) await guess(app, email);
    expect((await login(app, email, { deviceToken: device })).status).toBe(200);
    expect((await guess(app, email)).status).toBe(401);
    expect((await guess(app, email)).status).toBe(429);
    app.clock.advance(1000);
    expect((await login(app, email)).status).toBe(200);
    expect((await guess(app, email)).status).toBe(401);
    expect((await login(app, email, { password: validPassword })).status).toBe(200);
  });
});
