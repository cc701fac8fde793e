import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Application } from '#test/support/application.ts';
import { addCookieSession, addLoggedInUser, isAccepted, sameOrigin, type Tokens } from '#test/support/user-actions.ts';

const dayMs = 24 * 60 * 60 * 1000;
const sessionPath = '/api/v1/auth/session';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ time: new FixedClock(new Date('2030-02-03T04:05:06.000Z')) });
  return () => app.close();
});

async function useForDays(cookie: string, days: number): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    app.clock.advance(dayMs);
    expect((await app.send('GET', sessionPath, { cookie })).status).toBe(200);
    await app.services.lastSeen.flush();
  }
}

describe('GET /api/v1/auth/session', () => {
  it('200 with the user, the authentication and the expiry', async () => {
    const { accessToken, userId, sessionId, email } = await addLoggedInUser(app);
    const now = app.clock.now();
    const response = await app.send('GET', sessionPath, { token: accessToken });
    expect(response.data).toEqual({
      userId,
      subject: userId,
      email,
      name: 'Ada Lovelace',
      roles: [],
      sessionId,
      clientId: 'default',
      transport: 'token',
      acr: '1',
      amr: ['pwd'],
      authTime: now.toISOString(),
      expiresAt: new Date(now.getTime() + 900_000).toISOString(),
    });
  });

  it('200 for an access token for fifteen minutes plus five seconds of clock skew', async () => {
    const { accessToken } = await addLoggedInUser(app);
    app.clock.advance(900_000 - 1);
    expect(await isAccepted(app, accessToken)).toBe(true);
    app.clock.advance(5_001);
    expect(await isAccepted(app, accessToken)).toBe(false);
  });

  it('200 for a cookie until it has been idle for seven days', async () => {
    const { cookie } = await addCookieSession(app);
    app.clock.advance(6 * dayMs);
    expect((await app.send('GET', sessionPath, { cookie })).status).toBe(200);
    await app.services.lastSeen.flush();
    app.clock.advance(6 * dayMs);
    expect((await app.send('GET', sessionPath, { cookie })).status).toBe(200);
    await app.services.lastSeen.flush();
    app.clock.advance(7 * dayMs);
    expect((await app.send('GET', sessionPath, { cookie })).status).toBe(401);
  });

  it('401 for a cookie session after thirty days, however often it was used', async () => {
    const { cookie } = await addCookieSession(app);
    await useForDays(cookie, 29);
    app.clock.advance(dayMs);
    expect((await app.send('GET', sessionPath, { cookie })).status).toBe(401);
  });

  it('401 without credentials, with WWW-Authenticate', async () => {
    const response = await app.send('GET', sessionPath);
    expect([response.status, response.code]).toEqual([401, 'not_authenticated']);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('401 says why the token is rejected', async () => {
    const reasonOf = async (token: string) =>
      /^Bearer error="invalid_token", error_description="([^"]+)"$/.exec(
        (await app.send('GET', sessionPath, { token })).headers.get('www-authenticate') ?? '',
      )?.[1];
    const { accessToken } = await addLoggedInUser(app);
    const [header, claims, signature = ''] = accessToken.split('.');
    const json = JSON.parse(Buffer.from(header ?? '', 'base64url').toString()) as object;
    const encoded = Buffer.from(JSON.stringify({ ...json, kid: 'x'.repeat(43) })).toString('base64url');
    expect(await reasonOf(`${encoded}.${claims}.${signature}`)).toBe('The access token is signed by an unknown key.');
    const otherSignature = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
    expect(await reasonOf(`${header}.${claims}.${otherSignature}`)).toBe('The signature of the access token is wrong.');
    expect(await reasonOf('x')).toBe('The access token is malformed.');
    await app.send('POST', '/api/v1/auth/logout', { token: accessToken });
    expect(await reasonOf(accessToken)).toBe('The session of the access token has ended.');
    app.clock.advance(906_000);
    expect(await reasonOf(accessToken)).toBe('The access token has expired.');
  });

  it('401 for every other kind of secret in the Authorization header', async () => {
    const { refreshToken, deviceToken } = await addLoggedInUser(app);
    const { cookie } = await addCookieSession(app);
    const sessionToken = /latchkey_session=([^;]+)/.exec(cookie)?.[1] ?? '';
    for (const token of [refreshToken, deviceToken, sessionToken, 'x', 'a.b.c']) {
      expect(await isAccepted(app, token)).toBe(false);
    }
  });

  it('401 for an access token in the cookie', async () => {
    const { accessToken } = await addLoggedInUser(app);
    const cookie = `latchkey_session=${accessToken}`;
    expect((await app.send('GET', sessionPath, { cookie })).status).toBe(401);
  });

  it('401 for an invalid Authorization header next to a valid cookie', async () => {
    const { cookie } = await addCookieSession(app);
    for (const authorization of ['Bearer x', 'Token eDp5', 'Bearer']) {
      const response = await app.send('GET', sessionPath, { cookie, headers: { authorization } });
      expect(response.status).toBe(401);
    }
  });

  it('401 for a token with a changed signature, algorithm or claim', async () => {
    const { accessToken } = await addLoggedInUser(app);
    const [header = '', payload = '', signature = ''] = accessToken.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const longer = encode({ ...claims, exp: Number(claims.exp) + 900 });
    const forged = [
      `${header}.${longer}.${signature}`,
      `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
      `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
      `${accessToken}=`,
      `${header}.${payload}`,
    ];
    for (const token of forged) expect(await isAccepted(app, token)).toBe(false);
    expect(await isAccepted(app, accessToken)).toBe(true);
  });
});

describe('POST /api/v1/auth/token', () => {
  it('200 with an access token of the same session', async () => {
    const { cookie } = await addCookieSession(app);
    const byCookie = (await app.send<Tokens>('GET', sessionPath, { cookie })).data;
    const response = await app.send<Tokens>('POST', '/api/v1/auth/token', { cookie, headers: sameOrigin });
    expect(response.data).toMatchObject({ tokenType: 'Bearer', expiresIn: 900 });
    expect(response.data.refreshToken).toBeUndefined();
    const byToken = await app.send<Tokens>('GET', sessionPath, { token: response.data.accessToken });
    expect(byToken.data.sessionId).toBe(byCookie.sessionId);
    await app.send('POST', '/api/v1/auth/logout', { cookie, headers: sameOrigin });
    expect(await isAccepted(app, response.data.accessToken)).toBe(false);
  });

  it('403 for an access token, also one of a cookie session: it would renew itself', async () => {
    const { cookie } = await addCookieSession(app);
    const issued = await app.send<Tokens>('POST', '/api/v1/auth/token', { cookie, headers: sameOrigin });
    const { accessToken } = await addLoggedInUser(app);
    for (const token of [issued.data.accessToken, accessToken]) {
      for (const sent of [{ token }, { token, cookie, headers: sameOrigin }]) {
        const response = await app.send('POST', '/api/v1/auth/token', sent);
        expect([response.status, response.code]).toEqual([403, 'session_cookie_required']);
      }
    }
  });

  it('200 with a token that expires with its session', async () => {
    const { cookie } = await addCookieSession(app);
    await useForDays(cookie, 29);
    app.clock.advance(dayMs - 60_000);
    const { data } = await app.send<Tokens>('POST', '/api/v1/auth/token', { cookie, headers: sameOrigin });
    expect(data.expiresIn).toBe(60);
  });

  it('200 with an RFC 9068 token that the published keys verify', async () => {
    const { accessToken, sessionId, userId } = await addLoggedInUser(app);
    const jwks = await app.send('GET', '/.well-known/jwks.json');
    const keys = createLocalJWKSet(JSON.parse(jwks.text) as JSONWebKeySet);
    const { payload, protectedHeader } = await jwtVerify(accessToken, keys, {
      issuer: 'http://localhost:5625',
      audience: 'http://localhost:5625',
      typ: 'at+jwt',
      algorithms: ['ES256'],
      currentDate: app.clock.now(),
    });
    expect(protectedHeader.kid).toBeDefined();
    const seconds = app.clock.now().getTime() / 1000;
    expect(payload).toMatchObject({ sub: userId, sid: sessionId, client_id: 'default', acr: '1', amr: ['pwd'] });
    expect(payload).toMatchObject({ iat: seconds, exp: seconds + 900, auth_time: seconds });
    expect(payload.jti).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a write with the session cookie', () => {
  const crossSite: readonly Readonly<Record<string, string>>[] = [
    {},
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:5625' },
    { origin: 'https://elsewhere.example' },
    { origin: 'http://localhost:5625.elsewhere.example' },
    { origin: 'https://localhost:5625' },
    { origin: 'null' },
  ];

  it.each(crossSite)('403 for a cross-site request: %j', async (headers) => {
    const { cookie } = await addCookieSession(app);
    for (const [method, path] of [
      ['POST', '/api/v1/auth/logout'],
      ['POST', '/api/v1/auth/logout-all'],
      ['POST', '/api/v1/auth/token'],
      ['DELETE', '/api/v1/users/me/sessions'],
    ] as const) {
      const response = await app.send(method, path, { cookie, headers });
      expect([response.status, response.code]).toEqual([403, 'cross_site_request']);
    }
    expect((await app.send('GET', sessionPath, { cookie, headers })).status).toBe(200);
  });

  it.each([{ 'sec-fetch-site': 'same-origin' }, { origin: 'http://localhost:5625' }])(
    '200 for a same-origin request: %j',
    async (headers) => {
      const { cookie } = await addCookieSession(app);
      expect((await app.send('POST', '/api/v1/auth/token', { cookie, headers })).status).toBe(200);
    },
  );

  it('200 with an access token from any site, because no browser adds it by itself', async () => {
    const { accessToken } = await addLoggedInUser(app);
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' };
    expect((await app.send('POST', '/api/v1/auth/logout', { token: accessToken, headers })).status).toBe(200);
  });

  it('400 with two session cookies', async () => {
    const { cookie } = await addCookieSession(app);
    const response = await app.send('GET', sessionPath, { cookie: `${cookie}; latchkey_session=x` });
    expect([response.status, response.code]).toEqual([400, 'malformed_request']);
  });
});
