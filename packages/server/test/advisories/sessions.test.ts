/** Advisories about sessions: when a session starts, when it is revoked, and whose it is. */
import { beforeAll, describe, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { Application, type RequestOptions } from '../support/application.ts';
import { sessionEndReasons } from '../support/stored-login.ts';
import {
  addCookieSession,
  addLoggedInUser,
  addVerifiedUser,
  cookieHeader,
  isAccepted,
  login,
  newestMailedToken,
  register,
  type Tokens,
  uniqueEmail,
  validPassword,
} from '../support/user-actions.ts';
import { setStatus, userIdOf } from '../support/user-status.ts';

const countSessions = statement('advisories_test.count_sessions', {
  lane: 'pool',
  sql: `select count(*)::int4 as sessions from sessions where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { sessions: 'int4' },
});
const countSuccessors = statement('advisories_test.count_successors', {
  lane: 'pool',
  sql: `select count(*)::int4 as tokens from refresh_tokens t join refresh_families f on f.id = t.family_id
    where f.user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { tokens: 'int4' },
});

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

async function sessionStatus(sent: RequestOptions): Promise<number> {
  return (await app.send('GET', '/api/v1/auth/session', sent)).status;
}

async function sessionsOf(email: string): Promise<number | undefined> {
  return (await app.services.database.row(countSessions, { userId: await userIdOf(app, email) }))?.sessions;
}

// Better Auth 1.4.5, 2026: the session was created and cached in a signed cookie before the second factor was checked,
// so the cookie alone passed for a login. Here, a login returns only a ticket until no step is missing.
// Today's steps are the verification of an address and the cancellation of a deletion; a second factor will be another.
describe('GHSA-xg6x-h9c9-2m83', () => {
  it.each(['cookie', 'token'])(
    'a login that requires a step creates no session with %s, and its ticket is no credential',
    async (transport) => {
      const { email, accessToken } = await addLoggedInUser(app);
      const json = { currentPassword: validPassword };
      expect((await app.send('DELETE', '/api/v1/users/me', { json, token: accessToken })).status).toBe(200);
      const before = await sessionsOf(email);
      const { status, data, cookies } = await login(app, email, { transport });
      expect([status, data.step, cookies]).toEqual([200, 'cancel_deletion', []]);
      expect(Object.keys(data).sort()).toEqual(['step', 'ticket', 'ticketExpiresAt']);
      expect(await sessionsOf(email)).toBe(before);
      const ticket = data.ticket ?? '';
      expect(await sessionStatus({ token: ticket })).toBe(401);
      expect(await sessionStatus({ cookie: `latchkey_session=${ticket}` })).toBe(401);
      expect((await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken: ticket } })).status).toBe(401);
    },
  );

  it('a login with an unverified address creates no session', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const { cookies, data } = await login(app, email, { transport: 'cookie' });
    expect([cookies, data?.sessionId]).toEqual([[], undefined]);
    expect(await sessionsOf(email)).toBe(0);
  });
});

// passport before 0.6.0: the session id survived login and logout, so an attacker who had planted or seen it shared the
// session. Here, each login generates an id, and logout revokes it.
describe('CVE-2022-25896', () => {
  it('a login reuses no id from the request, and a logout revokes its own', async () => {
    const email = await addVerifiedUser(app);
    const { cookie: otherCookie } = await addCookieSession(app);
    const planted = ['latchkey_session=chosen', otherCookie, `latchkey_session=lk_st_${'A'.repeat(49)}`];
    for (const cookie of planted) {
      const before = await sessionStatus({ cookie });
      const json = { email, password: validPassword, transport: 'cookie' };
      const { status, cookies } = await app.send('POST', '/api/v1/auth/login', { json, cookie });
      expect(status).toBe(200);
      const own = cookieHeader(cookies);
      expect(own.split('; ')[0]).not.toBe(cookie.split('; ')[0]);
      expect(await sessionStatus({ cookie })).toBe(before);
      const headers = { 'sec-fetch-site': 'same-origin' };
      expect((await app.send('POST', '/api/v1/auth/logout', { cookie: own, headers })).status).toBe(200);
      expect(await sessionStatus({ cookie: own })).toBe(401);
    }
  });
});

// WSO2 Identity Server, 2026: locking an account left its access tokens valid until they expired.
describe('CVE-2025-12624', () => {
  it('disabling a user revokes access tokens, refresh tokens and cookies at once', async () => {
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    const cookie = cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
    expect([await isAccepted(app, accessToken), await sessionStatus({ cookie })]).toEqual([true, 200]);
    await setStatus(app, email, 'disabled');
    expect([await isAccepted(app, accessToken), await sessionStatus({ cookie })]).toEqual([false, 401]);
    expect((await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } })).status).toBe(401);
    await setStatus(app, email, 'active');
    expect([await isAccepted(app, accessToken), await sessionStatus({ cookie })]).toEqual([false, 401]);
  });
});

// @auth0/nextjs-auth0 before 4.6.1: a shared cache could store responses that set a session cookie and deliver them to
// others.
// ResponseChecks checks every response of every test for this.
describe('CVE-2025-48947', () => {
  it('no cache may store a response to a session or a response that creates one', async () => {
    const { email, cookie } = await addCookieSession(app);
    const headers = { 'sec-fetch-site': 'same-origin' };
    const responses = [
      await login(app, email, { transport: 'cookie' }),
      await login(app, email),
      await app.send('GET', '/api/v1/auth/session', { cookie }),
      await app.send('GET', '/api/v1/users/me', { cookie }),
      await app.send('POST', '/api/v1/auth/token', { cookie, headers }),
      await app.send('GET', '/api/v1/auth/session', { cookie: 'latchkey_session=none' }),
      await app.send('POST', '/api/v1/auth/logout', { cookie, headers }),
    ];
    expect(responses.filter(({ cookies }) => cookies.length > 0).length).toBeGreaterThanOrEqual(2);
    for (const response of responses) expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

// authentik, 2026: a malformed session cookie made the proxy's check fail open, and the request reached the
// application.
// Here, an unreadable credential is rejected.
describe('CVE-2026-25748', () => {
  it('a malformed credential is rejected, alone and together with a valid one', async () => {
    const { cookie } = await addCookieSession(app);
    const value = /latchkey_session=([^;]+)/.exec(cookie)?.[1] ?? '';
    const malformed = ['', '=', '"', `"${value}"`, `${value}=`, `${value}%3D`, '\t', '%', '%00', 'a'.repeat(3000)];
    for (const invalid of [
      ...malformed,
      `${value.slice(0, -1)}`,
      `${value},${value}`,
      value.toUpperCase(),
      'null',
      '{}',
    ]) {
      expect([invalid, await sessionStatus({ cookie: `latchkey_session=${invalid}` })]).toEqual([invalid, 401]);
    }
    for (const invalid of malformed) {
      const both = `latchkey_session=${value}; latchkey_session=${invalid}`;
      expect([invalid, await sessionStatus({ cookie: both })]).toEqual([invalid, 400]);
    }
    for (const header of ['Bearer', 'Bearer ', 'Bearer a b', 'bearer', 'Bearer \u00fc', ',', 'null']) {
      const response = await sessionStatus({ cookie, headers: { authorization: header } });
      expect([header, response]).toEqual([header, 401]);
    }
    expect(await sessionStatus({ cookie })).toBe(200);
  });
});

// @better-auth/oauth-provider before 1.6.11: each of two concurrent redemptions of one refresh token created a
// successor, so a stolen token lived on in its own branch. Here, one UPDATE stores one computed successor.
describe('GHSA-392p-2q2v-4372', () => {
  it('twenty concurrent redemptions create one successor, and a late one revokes the family', async () => {
    const { email, refreshToken } = await addLoggedInUser(app);
    const redeem = (token: string) =>
      app.send<Tokens>('POST', '/api/v1/auth/refresh', { json: { refreshToken: token } });
    const responses = await Promise.all(Array.from({ length: 20 }, () => redeem(refreshToken)));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    const successors = new Set(responses.map(({ data }) => data.refreshToken));
    expect(successors.size).toBe(1);
    const userId = await userIdOf(app, email);
    expect((await app.services.database.row(countSuccessors, { userId }))?.tokens).toBe(2);
    app.clock.advance(11_000);
    expect((await redeem(refreshToken)).status).toBe(401);
    expect((await redeem([...successors][0] ?? '')).status).toBe(401);
    expect(await sessionEndReasons(app, email)).toEqual(['refresh_token_reuse']);
  });
});

// Better Auth before 1.6.11: concurrent uses of one mailed link created several logins, because it was read first and
// deleted afterwards. Here, one statement consumes it.
describe('GHSA-hc7v-rggr-4hvx', () => {
  it('ten concurrent uses of a link succeed once', async () => {
    const email = await addVerifiedUser(app);
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const token = await newestMailedToken(app, email, '/reset-password');
    const passwords = Array.from({ length: 10 }, (_, index) => `the good password number ${index}`);
    const requests = passwords.map((password) =>
      app.send('POST', '/api/v1/auth/reset-password', { json: { token, password } }),
    );
    const statuses = (await Promise.all(requests)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 400)).toHaveLength(9);
    const winner = statuses.indexOf(200);
    // Only a few wrong passwords, because more would be delayed.
    for (const index of [0, 1, 2, 9].filter((other) => other !== winner).slice(0, 3)) {
      expect((await login(app, email, { password: passwords[index] })).status).toBe(401);
    }
    expect((await login(app, email, { password: passwords[winner] })).status).toBe(200);
  });
});
