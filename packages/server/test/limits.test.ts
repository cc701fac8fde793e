/** Rate limits over HTTP: what is counted, for whom, on which nodes, and what the caller is told. */
import { afterEach, describe, expect, it } from 'vitest';
import { Application, type RequestOptions } from './support/application.ts';
import { startRedis } from './support/redis.ts';
import {
  addCookieSession,
  addLoggedInUser,
  addVerifiedUser,
  login,
  mailedToken,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
} from './support/user-actions.ts';
import { eventually } from './support/wait.ts';

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** Of the classes that a test is about; everything else is as wide as for all tests. */
const credential = { LATCHKEY_LIMIT_CREDENTIAL: '5/15m', LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '50/15m' };

async function open(env: Readonly<Record<string, string>>, besides?: Application): Promise<Application> {
  const app = await Application.open({ env, ...(besides !== undefined && { deploymentOf: besides }) });
  opened.push({ [Symbol.asyncDispose]: () => app.close() });
  return app;
}

async function guess(app: Application, email: string, sent: Partial<RequestOptions> = {}): Promise<number> {
  const json = { email, password: 'never the password' };
  return (await app.send('POST', '/api/v1/auth/login', { json, ...sent })).status;
}

async function times<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let index = 0; index < count; index += 1) answers.push(await work(index));
  return answers;
}

const fiveThenNone = [401, 401, 401, 401, 401, 429, 429];

describe('the class credential', () => {
  it('refuses the sixth failure of one address for one identifier, known or not, and says until when', async () => {
    const app = await open(credential);
    for (const email of [await addVerifiedUser(app), 'nobody@example.com']) {
      expect(await times(7, () => guess(app, email))).toEqual(fiveThenNone);
      const json = { email, password: 'never the password' };
      const { code, headers } = await app.send('POST', '/api/v1/auth/login', { json });
      expect(code).toBe('too_many_requests');
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(800);
      expect(headers.get('ratelimit-policy')).toBe('"credential";q=5;w=900');
      expect(headers.get('ratelimit')).toMatch(/^"credential";r=0;t=\d+$/);
      app.clock.advance(15 * 60_000);
      expect(await guess(app, email)).toBe(401);
    }
  });

  it('keeps nobody from a device that they know, whatever others tried from the same address', async () => {
    const app = await open({ ...credential, LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '8/15m' });
    const [email, other] = [await addVerifiedUser(app), await addVerifiedUser(app)];
    const { deviceToken } = (await login(app, email)).data;
    const devicesOfOther = (await login(app, other)).data.deviceToken;
    expect(await times(7, () => guess(app, email))).toEqual(fiveThenNone);
    for (let index = 0; index < 4; index += 1) await guess(app, `nobody${index}@example.com`);
    expect((await login(app, uniqueEmail())).headers.get('ratelimit')).toMatch(/^"credential-address";r=0/);
    expect((await login(app, email, { deviceToken: devicesOfOther })).status).toBe(429);
    const owner = await times(3, async () => (await login(app, email, { deviceToken })).status);
    expect(owner).toEqual([200, 200, 200]);
    expect((await login(app, email)).status).toBe(429);
  });

  it('does not count successes, and a success resets no failure', async () => {
    const app = await open(credential);
    const email = await addVerifiedUser(app);
    await times(4, () => guess(app, email));
    expect(await times(8, async () => (await login(app, email)).status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(await times(2, () => guess(app, email))).toEqual([401, 429]);
  });

  it('refuses nobody who is right, however many come at once from one address, for one person or for many', async () => {
    const app = await open({ ...credential, LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '8/15m' });
    const email = await addVerifiedUser(app);
    const others = await times(10, () => addVerifiedUser(app));
    const all = [...Array.from({ length: 20 }, () => email), ...others];
    const answers = await Promise.all(all.map((one) => login(app, one)));
    expect(answers.map(({ status }) => status)).toEqual(all.map(() => 200));
    expect(answers.at(-1)?.headers.get('ratelimit')).toMatch(/^"credential";r=\d;t=900$/);
  });

  it('is one bucket for every spelling of the address, of the path and of the version', async () => {
    const app = await open(credential);
    const spellings = ['ada@example.com', 'ADA@example.com', ' Ada@EXAMPLE.com', 'ada@example.com.', 'aDa@Example.COM'];
    const accepted = await times(spellings.length, (index) => guess(app, spellings[index] as string));
    const counted = accepted.filter((status) => status === 401).length;
    expect(counted).toBeGreaterThanOrEqual(3);
    await times(5 - counted, () => guess(app, 'ada@example.com'));
    for (const path of ['/api/v1/auth/login', '/api/auth/login', '/api/v1/auth//login', '/api/v1/auth/%6cogin']) {
      const request = new Request(app.services.config.http.publicUrl + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-http-method-override': 'PUT', 'x-original-url': '/else' },
        body: JSON.stringify({ email: 'ada@example.com', password: 'never the password' }),
      });
      const { status } = await app.server.fetch(request, { peerAddress: '127.0.0.1' });
      expect([404, 405, 429]).toContain(status);
    }
  });

  it('is one bucket whatever forwarding headers say, and for all 300 addresses of one /64', async () => {
    const app = await open(credential);
    const forwarding = (index: number) => ({
      'x-forwarded-for': `198.51.100.${index}`,
      forwarded: `for=198.51.100.${index}`,
      'x-real-ip': `198.51.100.${index}`,
      'x-client-ip': `198.51.100.${index}`,
      'cf-connecting-ip': `198.51.100.${index}`,
      'true-client-ip': `198.51.100.${index}`,
    });
    const rotated = await times(100, (index) => guess(app, 'ada@example.com', { headers: forwarding(index) }));
    expect(rotated.filter((status) => status === 401)).toHaveLength(5);
    const network = await times(300, (index) =>
      guess(app, 'bob@example.com', { peerAddress: `2001:db8:1:2:${index.toString(16)}::${(index + 1).toString(16)}` }),
    );
    expect(network.filter((status) => status === 401)).toHaveLength(5);
    const forms = ['2001:db8::7', '2001:0db8:0:0::7', '2001:DB8:0:0:0:0:0:7', '2001:db8:0:0::0.0.0.7'];
    const textual = await times(12, (index) =>
      guess(app, 'eve@example.com', { peerAddress: forms[index % forms.length] as string }),
    );
    expect(textual.filter((status) => status === 401)).toHaveLength(5);
    const mapped = ['192.0.2.9', '::ffff:192.0.2.9', '::ffff:c000:209'];
    const folded = await times(9, (index) =>
      guess(app, 'zoe@example.com', { peerAddress: mapped[index % mapped.length] as string }),
    );
    expect(folded.filter((status) => status === 401)).toHaveLength(5);
  });

  it('counts the right-most hop that is not trusted behind a configured proxy', async () => {
    const app = await open({ ...credential, LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8' });
    const through = (forwardedFor: string) => ({
      peerAddress: '10.0.0.1',
      headers: { 'x-forwarded-for': forwardedFor },
    });
    const invented = await times(20, (index) =>
      guess(app, 'ada@example.com', through(`203.0.113.${index}, 198.51.100.7, 10.0.0.2`)),
    );
    expect(invented.filter((status) => status === 401)).toHaveLength(5);
    expect(await guess(app, 'bob@example.com', through('198.51.100.7, 198.51.100.8'))).toBe(401);
  });

  it('is exact on two nodes without Redis, also when all come at once', async () => {
    const here = await open(credential);
    const there = await open(credential, here);
    const statuses = await Promise.all(
      Array.from({ length: 40 }, (_, index) => guess(index % 2 === 0 ? here : there, 'ada@example.com')),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(35);
  });

  it('refuses one address that tries fifty identifiers, and no other address', async () => {
    const app = await open(credential);
    const statuses = await times(52, (index) => guess(app, `person-${index}@example.com`));
    expect(statuses.indexOf(429)).toBe(50);
    expect(await guess(app, 'person-51@example.com', { peerAddress: '198.51.100.1' })).toBe(401);
  });

  it('counts wrong current passwords of who is logged in', async () => {
    const app = await open(credential);
    const { accessToken } = await addLoggedInUser(app);
    const json = { currentPassword: 'never the password', newPassword: 'a new password that is long' };
    const change = async () => {
      const { status } = await app.send('POST', '/api/v1/users/me/password', { json, token: accessToken });
      return status;
    };
    const statuses = await times(7, change);
    expect(statuses.slice(5)).toEqual([429, 429]);
    expect(statuses.slice(0, 5)).not.toContain(429);
  });

  it('counts a wrong current password beside a new one that nobody may have, and no right one', async () => {
    const app = await open(credential);
    const { accessToken: token } = await addLoggedInUser(app);
    const change = async (currentPassword: string, newPassword: string) => {
      const json = { currentPassword, newPassword };
      return (await app.send('POST', '/api/v1/users/me/password', { json, token })).status;
    };
    const weak = ['short', 'password1234', 'abcdefghijkl'];
    const rights = await times(9, (index) => change(validPassword, weak[index % 3] as string));
    expect(rights).toEqual(Array.from({ length: 9 }, () => 422));
    const guesses = await times(7, (index) => change('never the password', weak[index % 3] as string));
    expect(guesses).toEqual([403, 403, 403, 403, 403, 429, 429]);
    expect(await change(validPassword, 'short')).toBe(429);
  });

  it.each(['/api/v1/auth/reset-password', '/reset-password'])(
    'counts guesses at links of %s, whatever password comes with them, and no weak one behind a live link',
    async (path) => {
      const app = await open(credential);
      const email = await addVerifiedUser(app);
      await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
      const live = await mailedToken(app, email, 2);
      const reset = async (token: string, password: string) => {
        const body = { token, password };
        const sent = path.startsWith('/api') ? { json: body } : { form: body, headers: sameOrigin };
        return (await app.send('POST', path, sent)).status;
      };
      expect(await times(8, () => reset(live, 'short'))).toEqual(Array.from({ length: 8 }, () => 422));
      const dead = `${live.slice(0, -4)}AAAA`;
      expect(await times(49, () => reset(dead, 'short'))).toEqual(Array.from({ length: 49 }, () => 400));
      expect(await reset(live, 'short')).toBe(422);
      expect(await times(2, () => reset(dead, 'short'))).toEqual([400, 429]);
      expect(await reset(live, 'better than before')).toBe(429);
    },
  );
});

describe('the class mail', () => {
  it('sends three mails an hour to one recipient, whoever asks', async () => {
    const app = await open({ LATCHKEY_LIMIT_MAIL: '3/1h', LATCHKEY_LIMIT_MAIL_ADDRESS: '20/1h' });
    const ask = async (index: number) => {
      const sent = { json: { email: 'ada@example.com' }, peerAddress: `198.51.100.${index}` };
      return (await app.send('POST', '/api/v1/auth/forgot-password', sent)).status;
    };
    expect(await times(5, ask)).toEqual([202, 202, 202, 429, 429]);
    app.clock.advance(60 * 60_000);
    expect(await ask(1)).toBe(202);
  });

  it('leaves who has an account the mails of recovery, whatever strangers ask for at the address', async () => {
    const app = await open({ LATCHKEY_LIMIT_MAIL: '3/1h', LATCHKEY_LIMIT_MAIL_ADDRESS: '20/1h' });
    const email = await addVerifiedUser(app);
    const ask = async (what: string) => (await app.send('POST', `/api/v1/auth/${what}`, { json: { email } })).status;
    expect(await times(4, () => ask('resend-verification'))).toEqual([202, 202, 202, 429]);
    expect(await times(4, () => ask('forgot-password'))).toEqual([202, 202, 202, 429]);
  });

  it('leaves who has no account yet the mails of registration, whatever strangers ask for at the address', async () => {
    const app = await open({ LATCHKEY_LIMIT_MAIL: '3/1h', LATCHKEY_LIMIT_MAIL_ADDRESS: '20/1h' });
    const email = uniqueEmail();
    const ask = async (what: string) => (await app.send('POST', `/api/v1/auth/${what}`, { json: { email } })).status;
    expect(await times(4, () => ask('resend-verification'))).toEqual([202, 202, 202, 429]);
    expect(await times(3, () => ask('forgot-password'))).toEqual([202, 202, 202]);
    expect((await register(app, email)).status).toBe(201);
  });

  it('leaves a recipient their mails when nothing was sent, and counts the asking', async () => {
    const app = await open({ LATCHKEY_LIMIT_MAIL: '3/1h', LATCHKEY_LIMIT_MAIL_ADDRESS: '8/1h' });
    const email = uniqueEmail();
    const weak = () => register(app, email, { password: 'password1234' });
    expect(await times(5, async () => (await weak()).status)).toEqual([422, 422, 422, 422, 422]);
    expect(await times(4, async () => (await register(app, email)).status)).toEqual([201, 201, 201, 429]);
    expect((await register(app, uniqueEmail())).headers.get('ratelimit')).toMatch(/^"mail-address";r=0/);
  });

  it('sends twenty mails an hour for one address, registrations too', async () => {
    const app = await open({ LATCHKEY_LIMIT_MAIL: '3/1h', LATCHKEY_LIMIT_MAIL_ADDRESS: '20/1h' });
    const statuses = await times(21, async () => (await register(app, uniqueEmail())).status);
    expect(statuses.indexOf(429)).toBe(20);
  });
});

describe('classes that each process counts', () => {
  it('public: refuses the hundred and first request of one address, whichever endpoint it asks', async () => {
    const app = await open({ LATCHKEY_LIMIT_PUBLIC: '100/15m' });
    const refresh = { json: { refreshToken: 'lk_rt_none' } };
    for (let time = 0; time < 50; time += 1) {
      expect((await app.send('POST', '/api/v1/auth/refresh', refresh)).status).toBe(401);
      expect((await app.send('GET', '/verify-email?token=none')).status).toBeLessThan(429);
    }
    const refused = await app.send('POST', '/api/v1/auth/refresh', refresh);
    expect(refused).toMatchObject({ status: 429, code: 'too_many_requests' });
    expect((await app.send('GET', '/verify-email?token=none')).status).toBe(429);
    expect((await app.send('GET', '/livez')).status).toBe(200);
    expect((await app.send('POST', '/api/v1/auth/refresh', { ...refresh, peerAddress: '198.51.100.1' })).status).toBe(
      401,
    );
  });

  it('authenticated: counts by user, not by address or session', async () => {
    const app = await open({ LATCHKEY_LIMIT_AUTHENTICATED: '10/1m' });
    const [ada, bob] = [await addCookieSession(app), await addLoggedInUser(app)];
    const statuses = await times(11, async () => {
      const { status } = await app.send('GET', '/api/v1/auth/session', { cookie: ada.cookie });
      return status;
    });
    expect(statuses.indexOf(429)).toBe(10);
    const again = await login(app, ada.email);
    expect((await app.send('GET', '/api/v1/auth/session', { token: again.data.accessToken })).status).toBe(429);
    const other = await app.send('GET', '/api/v1/auth/session', { token: bob.accessToken });
    expect(other.headers.get('ratelimit')).toBe('"authenticated";r=9;t=60');
  });

  it('counts what is presented and is no session, by address', async () => {
    const app = await open({ LATCHKEY_LIMIT_PUBLIC: '10/15m' });
    const statuses = await times(12, async (index) => {
      const { status } = await app.send('GET', '/api/v1/auth/session', { token: `guess-${index}` });
      return status;
    });
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
  });
});

describe('with Redis', () => {
  it('limits are exact on two nodes, hold while it is away without a 5xx, and are exact when it is back', async () => {
    const redis = await startRedis();
    opened.push(redis);
    // A busy machine is not mistaken for a Redis that is away.
    const env = { ...credential, REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '10000' };
    const here = await open(env);
    const there = await open(env, here);
    await eventually(() => bothReach(here, there), { what: 'both nodes have their Redis' });
    const at = (index: number) => (index % 2 === 0 ? here : there);
    const first = await Promise.all(Array.from({ length: 20 }, (_, index) => guess(at(index), 'ada@example.com')));
    expect(first.filter((status) => status === 401)).toHaveLength(5);

    const email = await addVerifiedUser(here);
    const { deviceToken } = (await login(here, email)).data;
    expect(await times(6, (index) => guess(at(index), email))).toEqual([401, 401, 401, 401, 401, 429]);
    expect((await login(there, email, { deviceToken })).status).toBe(200);
    expect((await login(there, email)).status).toBe(429);

    await redis.kill9();
    expect(await times(4, (index) => guess(at(index), 'ada@example.com'))).toEqual([429, 429, 429, 429]);
    const away = await times(14, async (index) => {
      // Past what the guesses at one person have to wait for, and within the window.
      here.clock.advance(20_000);
      return await guess(at(index), 'bob@example.com');
    });
    expect(away.filter((status) => status === 401)).toHaveLength(10);
    expect(away.filter((status) => status === 429)).toHaveLength(4);
    expect((await here.send('GET', '/readyz')).status).toBe(200);

    await redis.start();
    await eventually(() => bothReach(here, there), { what: 'both nodes have their Redis again' });
    const told = () => guess(at(0), 'bob@example.com').then((status) => status === 429);
    await eventually(told, { what: 'what was counted meanwhile is known' });
    const back = await Promise.all(Array.from({ length: 20 }, (_, index) => guess(at(index), 'eve@example.com')));
    expect(back.filter((status) => status === 401)).toHaveLength(5);
  });
});

it('a window of a week is kept in Redis for a week', async () => {
  const redis = await startRedis();
  opened.push(redis);
  const env = { ...credential, LATCHKEY_LIMIT_CREDENTIAL: '5/7d', REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '10000' };
  const app = await open(env);
  await eventually(() => bothReach(app), { what: 'the node has its Redis' });
  expect(await guess(app, 'ada@example.com')).toBe(401);
  const script = `local rest = 0
    for _, key in ipairs(redis.call('KEYS', '*')) do rest = math.max(rest, redis.call('PTTL', key)) end
    return rest`;
  const restMs = await app.services.redis?.run(script, [], []);
  expect(restMs).toBeGreaterThan(6.9 * 24 * 60 * 60_000);
});

async function bothReach(...nodes: readonly Application[]): Promise<boolean> {
  const answers = await Promise.allSettled(nodes.map(async ({ services }) => services.redis?.ping()));
  return answers.every(({ status }) => status === 'fulfilled');
}
