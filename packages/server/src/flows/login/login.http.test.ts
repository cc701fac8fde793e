import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import {
  auditActionsOf,
  beforeEachHash,
  failedAttemptsOf,
  failedAttemptsOfUnknown,
  sessionEndReasons,
} from '#test/support/stored-login.ts';
import {
  addVerifiedUser,
  cookieHeader,
  isAccepted,
  login,
  mailsTo,
  messagesTo,
  register,
  uniqueEmail,
  validPassword,
} from '#test/support/user-actions.ts';
import { setStatus } from '#test/support/user-status.ts';

const wrong = { password: 'not the right password' };
const firefoxOnLinux = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0' };

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

describe('POST /api/v1/auth/login', () => {
  it('200 with tokens and without a cookie by default', async () => {
    const email = await addVerifiedUser(app);
    const { status, data, cookies } = await login(app, email);
    expect([status, cookies]).toEqual([200, []]);
    expect(data).toMatchObject({ tokenType: 'Bearer', expiresIn: 900 });
    expect(data.refreshToken).toMatch(/^lk_rt_/);
    expect(data.deviceToken).toMatch(/^lk_dv_/);
    expect(await isAccepted(app, data.accessToken)).toBe(true);
  });

  it('200 in any spelling of the address and any normal form of the password', async () => {
    const email = await addVerifiedUser(app, { password: 'pássword with áccents' });
    const decomposed = 'pássword with áccents'.normalize('NFD');
    expect((await login(app, email.toUpperCase(), { password: decomposed })).status).toBe(200);
  });

  it('200 by cookie has no token, and the cookie is HttpOnly and SameSite', async () => {
    const email = await addVerifiedUser(app);
    const { data, cookies } = await login(app, email, { transport: 'cookie' });
    expect(Object.keys(data).sort()).toEqual(['expiresAt', 'sessionId', 'userId']);
    const [session, device] = cookies;
    expect(cookies).toHaveLength(2);
    expect(session).toMatch(/^latchkey_session=lk_st_[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Expires=[^;]+$/);
    expect(device).toMatch(/^latchkey_device=lk_dv_[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Expires=[^;]+$/);
    const cookie = cookieHeader(cookies);
    expect((await app.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(200);
  });

  it('200 by cookie on https names it __Host- and sends it over TLS only', async () => {
    const email = await addVerifiedUser(app);
    const secure = await Application.open({
      deploymentOf: app,
      env: { LATCHKEY_PUBLIC_URL: 'https://auth.example.com' },
    });
    const { cookies } = await login(secure, email, { transport: 'cookie' });
    await secure.close();
    expect(cookies).toHaveLength(2);
    expect(cookies[0]).toMatch(/^__Host-latchkey=lk_st_[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Secure; Expires=/);
    expect(cookies[1]).toMatch(
      /^__Host-latchkey-device=lk_dv_[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Secure; Expires=/,
    );
    expect(cookies.join()).not.toMatch(/domain=/i);
  });

  it('200 issues a new session each time, whatever cookies the request has', async () => {
    const email = await addVerifiedUser(app);
    const first = await login(app, email, { transport: 'cookie' });
    const cookie = cookieHeader(first.cookies);
    const json = { email, password: validPassword, transport: 'cookie' };
    const second = await app.send<typeof first.data>('POST', '/api/v1/auth/login', { json, cookie });
    expect(second.data.sessionId).not.toBe(first.data.sessionId);
    expect(second.cookies[0]?.split(';')[0]).not.toBe(first.cookies[0]?.split(';')[0]);
  });

  it('401 with the same text for a wrong password and an unknown address', async () => {
    const email = await addVerifiedUser(app);
    const [known, unknown] = [await login(app, email, wrong), await login(app, uniqueEmail(), wrong)];
    expect([known.status, known.code]).toEqual([401, 'invalid_credentials']);
    expect([unknown.status, unknown.code]).toEqual([401, 'invalid_credentials']);
    expect([...unknown.headers.keys()]).toEqual([...known.headers.keys()]);
    const words = (text: string) => ({ ...(JSON.parse(text) as object), meta: undefined });
    expect(words(unknown.text)).toEqual(words(known.text));
  });

  it('403 email_not_verified only after the right password', async () => {
    const email = uniqueEmail();
    await register(app, email);
    expect((await login(app, email, wrong)).code).toBe('invalid_credentials');
    expect(await login(app, email)).toMatchObject({ status: 403, code: 'email_not_verified', cookies: [] });
    expect(await sessionEndReasons(app, email)).toEqual([]);
  });

  it('403 account_disabled only after the right password', async () => {
    const email = await addVerifiedUser(app);
    await setStatus(app, email, 'disabled');
    expect((await login(app, email, wrong)).code).toBe('invalid_credentials');
    expect(await login(app, email)).toMatchObject({ status: 403, code: 'account_disabled', cookies: [] });
    expect(await sessionEndReasons(app, email)).toEqual([]);
    await setStatus(app, email, 'active');
    expect((await login(app, email)).status).toBe(200);
  });

  it('200 and every rejection are in the audit log', async () => {
    const email = await addVerifiedUser(app);
    const before = (await auditActionsOf(app, email)).length;
    await login(app, email, wrong);
    await login(app, email);
    await setStatus(app, email, 'disabled');
    await login(app, email);
    const actions = await auditActionsOf(app, email);
    expect(actions.slice(before)).toEqual(['login.failed', 'login.succeeded', 'login.refused']);
  });

  it('503 with Retry-After at once when the hashing queue is full', async () => {
    const env = { LATCHKEY_HASH_CONCURRENCY: '1', LATCHKEY_HASH_QUEUE_LENGTH: '1' };
    const narrow = await Application.open({ deploymentOf: app, env });
    const responses = await Promise.all(Array.from({ length: 20 }, () => login(narrow, uniqueEmail(), wrong)));
    await narrow.close();
    const codes = new Set(responses.map(({ code }) => code));
    expect(codes).toEqual(new Set(['invalid_credentials', 'busy']));
    const refused = responses.find(({ code }) => code === 'busy');
    expect([refused?.status, refused?.headers.get('retry-after')]).toEqual([503, '1']);
  });
});

describe('the device of a login', () => {
  it('is not reported when it is the first one', async () => {
    const email = await addVerifiedUser(app);
    await login(app, email);
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
  });

  it('is recognized by its token or cookie, and then no mail is sent', async () => {
    const email = await addVerifiedUser(app);
    const { deviceToken } = (await login(app, email)).data;
    expect((await login(app, email, { deviceToken })).data.deviceToken).toBe(deviceToken);
    const cookie = `latchkey_device=${deviceToken}`;
    await app.send('POST', '/api/v1/auth/login', { json: { email, password: validPassword }, cookie });
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
  });

  it('is reported to the user when it is new', async () => {
    const email = await addVerifiedUser(app);
    await login(app, email);
    await login(app, email, {}, firefoxOnLinux);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'new_device']);
    const [, notice] = await messagesTo(app, email, 2);
    expect(notice?.text).toContain('Browser: Firefox on Linux');
    expect(notice?.text).toContain('IP address: 127.0.0.1');
    expect(notice?.links).toEqual([]);
  });

  it.each(['garbage', 'another user’s', 'forged'])('counts as new with %s token', async (kind) => {
    const [email, other] = [await addVerifiedUser(app), await addVerifiedUser(app)];
    await login(app, email);
    const foreign = (await login(app, other)).data.deviceToken;
    const forged = `${foreign.slice(0, 20)}${foreign[20] === 'A' ? 'B' : 'A'}${foreign.slice(21)}`;
    const deviceToken = { garbage: 'nonsense', 'another user’s': foreign, forged }[kind];
    expect((await login(app, email, { deviceToken })).status).toBe(200);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'new_device']);
  });

  it('is forgotten after 180 days without a login', async () => {
    const email = await addVerifiedUser(app);
    const { deviceToken } = (await login(app, email)).data;
    app.clock.advance(181 * 24 * 60 * 60 * 1000);
    await login(app, email, { deviceToken });
    expect((await mailsTo(app, email)).filter((template) => template === 'new_device').length).toBeLessThanOrEqual(1);
    expect((await login(app, email, { deviceToken })).data.deviceToken).not.toBe(deviceToken);
  });
});

describe('failed attempts', () => {
  it('are counted before the hash is computed, and reset by a success', async () => {
    const email = await addVerifiedUser(app);
    const atHash: number[] = [];
    const stop = beforeEachHash(app, async () => {
      atHash.push(await failedAttemptsOf(app, email));
    });
    await login(app, email, wrong);
    await login(app, email, wrong);
    const { status } = await login(app, email);
    stop();
    expect(atHash).toEqual([1, 2, 3]);
    expect([status, await failedAttemptsOf(app, email)]).toEqual([200, 0]);
  });

  it('are counted for an unknown address, in every spelling', async () => {
    const email = uniqueEmail();
    await login(app, email, wrong);
    await login(app, email.toUpperCase(), wrong);
    expect(await failedAttemptsOfUnknown(app, email)).toBe(2);
  });

  it('are counted one by one: of twenty concurrent ones, five are verified', async () => {
    const email = await addVerifiedUser(app);
    await Promise.all(Array.from({ length: 20 }, () => login(app, email, wrong)));
    expect(await failedAttemptsOf(app, email)).toBe(5);
  });
});

describe('sessions of one user', () => {
  it('are limited to a hundred, also by twenty concurrent logins: the oldest is revoked at once, with its tokens', async () => {
    const email = await addVerifiedUser(app);
    const first = (await login(app, email)).data;
    const { deviceToken } = first;
    for (let count = 2; count <= 100; count += 1) {
      app.clock.advance(1);
      await login(app, email, { deviceToken });
    }
    expect(await isAccepted(app, first.accessToken)).toBe(true);
    app.clock.advance(1);
    const last = (await login(app, email, { deviceToken })).data;
    const ends = await sessionEndReasons(app, email);
    expect(ends).toEqual(['too_many_sessions', ...Array.from({ length: 100 }, () => null)]);
    expect(await isAccepted(app, last.accessToken)).toBe(true);
    expect(await isAccepted(app, first.accessToken)).toBe(false);
    const { code } = await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken: first.refreshToken } });
    expect(code).toBe('invalid_refresh_token');
    for (const concurrent of [20, 8, 8, 4, 4, 2, 2]) {
      app.clock.advance(1);
      await Promise.all(Array.from({ length: concurrent }, () => login(app, email, { deviceToken })));
      const active = (await sessionEndReasons(app, email)).filter((reason) => reason === null);
      expect(active).toHaveLength(100);
    }
  });
});
