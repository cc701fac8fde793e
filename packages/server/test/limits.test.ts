/** Rate limits over HTTP: what they count, per user or address, on how many nodes, and what the client receives. */
import { afterEach, describe, expect, it } from 'vitest';
import { Application, type RequestOptions } from './support/application.ts';
import { startRedis } from './support/redis.ts';
import {
  addCookieSession,
  addLoggedInUser,
  addVerifiedUser,
  login,
  mailedToken,
  sameOrigin,
  type Tokens,
  uniqueEmail,
  validPassword,
} from './support/user-actions.ts';
import { eventually } from './support/wait.ts';

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** Limits of the classes under test; all others stay high. */
const credential = { LATCHKEY_LIMIT_CREDENTIAL: '5/15m', LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '50/15m' };

async function open(env: Readonly<Record<string, string>>, deploymentOf?: Application): Promise<Application> {
  const app = await Application.open({ env, ...(deploymentOf !== undefined && { deploymentOf }) });
  opened.push({ [Symbol.asyncDispose]: () => app.close() });
  return app;
}

async function guess(app: Application, email: string, sent: Partial<RequestOptions> = {}): Promise<number> {
  const json = { email, password: 'never the password' };
  return (await app.send('POST', '/api/v1/auth/login', { json, ...sent })).status;
}

async function times<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const responses: T[] = [];
  for (let index = 0; index < count; index += 1) responses.push(await work(index));
  return responses;
}

const fiveThenRejected = [401, 401, 401, 401, 401, 429, 429];

describe('the class credential', () => {
  it('rejects the sixth failure of one address for one identifier, known or not, with the time to retry', async () => {
    const app = await open(credential);
    for (const email of [await addVerifiedUser(app), 'unknown@example.com']) {
      expect(await times(7, () => guess(app, email))).toEqual(fiveThenRejected);
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

  it('accepts a known device despite the failures of others at the same address', async () => {
    const app = await open({ ...credential, LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '8/15m' });
    const [email, other] = [await addVerifiedUser(app), await addVerifiedUser(app)];
    const { deviceToken } = (await login(app, email)).data;
    const deviceTokenOfOther = (await login(app, other)).data.deviceToken;
    expect(await times(7, () => guess(app, email))).toEqual(fiveThenRejected);
    for (let index = 0; index < 4; index += 1) await guess(app, `unknown${index}@example.com`);
    expect((await login(app, uniqueEmail())).headers.get('ratelimit')).toMatch(/^"credential-address";r=0/);
    expect((await login(app, email, { deviceToken: deviceTokenOfOther })).status).toBe(429);
    const owner = await times(3, async () => (await login(app, email, { deviceToken })).status);
    expect(owner).toEqual([200, 200, 200]);
    expect((await login(app, email)).status).toBe(429);
  });

  it('counts no success, and a success resets no failure', async () => {
    const app = await open(credential);
    const email = await addVerifiedUser(app);
    await times(4, () => guess(app, email));
    expect(await times(8, async () => (await login(app, email)).status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(await times(2, () => guess(app, email))).toEqual([401, 429]);
  });

  it('rejects no correct password, however many logins arrive at once from one address, for one user or many', async () => {
    const app = await open({ ...credential, LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: '8/15m' });
    const email = await addVerifiedUser(app);
    const others = await times(10, () => addVerifiedUser(app));
    const all = [...Array.from({ length: 20 }, () => email), ...others];
    const responses = await Promise.all(all.map((one) => login(app, one)));
    expect(responses.map(({ status }) => status)).toEqual(all.map(() => 200));
    expect(responses.at(-1)?.headers.get('ratelimit')).toMatch(/^"credential";r=\d;t=(900|8\d\d)$/);
  });

  it('shares one bucket among the spellings of an address, of the path and of the version', async () => {
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

  it('shares one bucket whatever forwarding headers a client sends, and among all 300 addresses of one /64', async () => {
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

  it('counts the right-most untrusted hop behind a configured proxy', async () => {
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

  it('is exact on two nodes without Redis, for concurrent requests, although the clock of one is a year ahead', async () => {
    const nodeA = await open(credential);
    const nodeB = await Application.open({ env: credential, deploymentOf: nodeA, skewSeconds: 365 * 24 * 3600 });
    opened.push({ [Symbol.asyncDispose]: () => nodeB.close() });
    const statuses = await Promise.all(
      Array.from({ length: 40 }, (_, index) => guess(index % 2 === 0 ? nodeA : nodeB, 'ada@example.com')),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(35);
  });

  it('rejects an address that tries fifty identifiers, and no other address', async () => {
    const app = await open(credential);
    const statuses = await times(52, (index) => guess(app, `person-${index}@example.com`));
    expect(statuses.indexOf(429)).toBe(50);
    expect(await guess(app, 'person-51@example.com', { peerAddress: '198.51.100.1' })).toBe(401);
  });

  it('counts wrong current passwords of a logged-in user', async () => {
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

  it('counts a wrong current password together with an unacceptable new one, and no right current password', async () => {
    const app = await open(credential);
    const { accessToken: token } = await addLoggedInUser(app);
    const change = async (currentPassword: string, newPassword: string) => {
      const json = { currentPassword, newPassword };
      return (await app.send('POST', '/api/v1/users/me/password', { json, token })).status;
    };
    const weak = ['short', 'password1234', 'abcdefghijkl'];
    const rightPasswords = await times(9, (index) => change(validPassword, weak[index % 3] as string));
    expect(rightPasswords).toEqual(Array.from({ length: 9 }, () => 422));
    const guesses = await times(7, (index) => change('never the password', weak[index % 3] as string));
    expect(guesses).toEqual([403, 403, 403, 403, 403, 429, 429]);
    expect(await change(validPassword, 'short')).toBe(429);
  });

  it.each(['/api/v1/auth/reset-password', '/reset-password'])(
    'counts invalid tokens at %s, whatever password comes with them, and no weak password with a valid token',
    async (path) => {
      const app = await open(credential);
      const email = await addVerifiedUser(app);
      await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
      const valid = await mailedToken(app, email, 2);
      const reset = async (token: string, password: string) => {
        const body = { token, password };
        const sent = path.startsWith('/api') ? { json: body } : { form: body, headers: sameOrigin };
        return (await app.send('POST', path, sent)).status;
      };
      expect(await times(8, () => reset(valid, 'short'))).toEqual(Array.from({ length: 8 }, () => 422));
      const invalid = `${valid.slice(0, -4)}AAAA`;
      expect(await times(49, () => reset(invalid, 'short'))).toEqual(Array.from({ length: 49 }, () => 400));
      expect(await reset(valid, 'short')).toBe(422);
      expect(await times(2, () => reset(invalid, 'short'))).toEqual([400, 429]);
      expect(await reset(valid, 'better than before')).toBe(429);
    },
  );
});

describe('classes counted per process', () => {
  it('public: rejects the 101st request of one address, whatever endpoints it called', async () => {
    const app = await open({ LATCHKEY_LIMIT_PUBLIC: '100/15m' });
    const policy = '/api/v1/auth/password-policy';
    for (let time = 0; time < 50; time += 1) {
      expect((await app.send('GET', policy)).status).toBe(200);
      expect((await app.send('GET', '/api/v1/auth/verify-email?token=none')).status).toBeLessThan(429);
    }
    expect(await app.send('GET', policy)).toMatchObject({ status: 429, code: 'too_many_requests' });
    expect((await app.send('GET', '/api/v1/auth/verify-email?token=none')).status).toBe(429);
    expect((await app.send('GET', '/verify-email?token=none')).status).toBe(400);
    expect((await app.send('GET', '/livez')).status).toBe(200);
    expect((await app.send('GET', policy, { peerAddress: '198.51.100.1' })).status).toBe(200);
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

  it('refresh: counts by user after the exchange, and rejects the successor issued over the quota until the window ends', async () => {
    const app = await open({ LATCHKEY_LIMIT_AUTHENTICATED: '3/1m', LATCHKEY_LIMIT_PUBLIC: '2/1m' });
    const exchange = (refreshToken: string) =>
      app.send<Tokens>('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
    let { refreshToken } = await addLoggedInUser(app);
    const statuses = await times(4, async () => {
      const { status, data } = await exchange(refreshToken);
      ({ refreshToken } = data);
      return status;
    });
    expect(statuses).toEqual([200, 200, 200, 200]);
    const rejected = await exchange(refreshToken);
    expect([rejected.status, rejected.code]).toEqual([429, 'too_many_requests']);
    expect(Number(rejected.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    const other = await exchange((await addLoggedInUser(app)).refreshToken);
    expect([other.status, other.headers.get('ratelimit')]).toEqual([200, '"authenticated";r=2;t=60']);
    expect(await times(3, async () => (await exchange('lk_rt_unknown')).status)).toEqual([401, 401, 429]);
    app.clock.advance(60_000);
    expect((await exchange(refreshToken)).status).toBe(200);
  });

  it('counts an invalid token by address', async () => {
    const app = await open({ LATCHKEY_LIMIT_PUBLIC: '10/15m' });
    const statuses = await times(12, async (index) => {
      const { status } = await app.send('GET', '/api/v1/auth/session', { token: `guess-${index}` });
      return status;
    });
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
  });
});

describe('with Redis', () => {
  it('limits are exact on two nodes, hold during an outage without a 5xx, and are exact afterwards', async () => {
    const redis = await startRedis();
    opened.push(redis);
    // The long timeout keeps a busy machine from looking like an outage.
    const env = { ...credential, REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '10000' };
    const nodeA = await open(env);
    const nodeB = await open(env, nodeA);
    await eventually(() => bothReach(nodeA, nodeB), { what: 'both nodes reach Redis' });
    const at = (index: number) => (index % 2 === 0 ? nodeA : nodeB);
    const first = await Promise.all(Array.from({ length: 20 }, (_, index) => guess(at(index), 'ada@example.com')));
    expect(first.filter((status) => status === 401)).toHaveLength(5);

    const email = await addVerifiedUser(nodeA);
    const { deviceToken } = (await login(nodeA, email)).data;
    expect(await times(6, (index) => guess(at(index), email))).toEqual([401, 401, 401, 401, 401, 429]);
    expect((await login(nodeB, email, { deviceToken })).status).toBe(200);
    expect((await login(nodeB, email)).status).toBe(429);

    await redis.kill9();
    expect(await times(4, (index) => guess(at(index), 'ada@example.com'))).toEqual([429, 429, 429, 429]);
    const duringOutage = await times(14, async (index) => {
      // Beyond the delay between attempts at one user, and within the window.
      nodeA.clock.advance(20_000);
      return await guess(at(index), 'bob@example.com');
    });
    expect(duringOutage.filter((status) => status === 401)).toHaveLength(10);
    expect(duringOutage.filter((status) => status === 429)).toHaveLength(4);
    expect((await nodeA.send('GET', '/readyz')).status).toBe(200);

    await redis.start();
    await eventually(() => bothReach(nodeA, nodeB), { what: 'both nodes reach Redis again' });
    const isCounted = () => guess(at(0), 'bob@example.com').then((status) => status === 429);
    await eventually(isCounted, { what: 'Redis has the counts of the outage' });
    const afterOutage = await Promise.all(
      Array.from({ length: 20 }, (_, index) => guess(at(index), 'eve@example.com')),
    );
    expect(afterOutage.filter((status) => status === 401)).toHaveLength(5);
  });
});

it('keeps a week-long window in Redis for a week', async () => {
  const redis = await startRedis();
  opened.push(redis);
  const env = { ...credential, LATCHKEY_LIMIT_CREDENTIAL: '5/7d', REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '10000' };
  const app = await open(env);
  await eventually(() => bothReach(app), { what: 'the node reaches Redis' });
  expect(await guess(app, 'ada@example.com')).toBe(401);
  const script = `local rest = 0
    for _, key in ipairs(redis.call('KEYS', '*')) do rest = math.max(rest, redis.call('PTTL', key)) end
    return rest`;
  const restMs = await app.services.redis?.run(script, [], []);
  expect(restMs).toBeGreaterThan(6.9 * 24 * 60 * 60_000);
});

async function bothReach(...nodes: readonly Application[]): Promise<boolean> {
  const reasons = await Promise.all(nodes.map(async ({ services }) => services.redis?.check()));
  return reasons.every((reason) => reason === undefined);
}
