import { beforeAll, describe, expect, it } from 'vitest';
import { defaultClientId } from '#domain/clients/index.ts';
import { changeOrigins } from '#flows/admin-clients/index.ts';
import { Application } from './support/application.ts';
import { loginMethodsEnabled, mailedCodes, requestCode, requestLinkInBrowser } from './support/login-by-mail.ts';
import { operator } from './support/operator.ts';
import {
  addCookieSession,
  addVerifiedUser,
  login,
  newestMailedToken,
  sameOrigin,
  type Tokens,
} from './support/user-actions.ts';

const listed = 'https://app.people.example';
const fromListed = { origin: listed, 'sec-fetch-site': 'cross-site' };
const fromUnlisted = { origin: 'https://unlisted.example', 'sec-fetch-site': 'cross-site' };

let app: Application;
let email: string;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  email = await addVerifiedUser(app);
  await changeOrigins(app.services, operator, defaultClientId, [listed]);
  return () => app.close();
});

describe('POST /api/v1/auth/login from a page of another origin', () => {
  it('200 with tokens for a listed origin, whose scripts may read them', async () => {
    const response = await login(app, email, {}, fromListed);
    expect([response.status, response.cookies]).toEqual([200, []]);
    expect(response.headers.get('access-control-allow-origin')).toBe(listed);
  });

  it('403 with the cookie transport even for a listed origin: no cross-site page starts a cookie session', async () => {
    const response = await login(app, email, { transport: 'cookie' }, fromListed);
    expect([response.status, response.code, response.cookies]).toEqual([403, 'cross_site_request', []]);
  });

  it.each(['token', 'cookie'])('403 with %s for an unlisted origin, whatever the password', async (transport) => {
    for (const password of ['a wrong password', undefined]) {
      const more = password === undefined ? { transport } : { transport, password };
      const response = await login(app, email, more, fromUnlisted);
      expect([response.code, response.headers.get('access-control-allow-origin')]).toEqual([
        'cross_site_request',
        null,
      ]);
    }
  });

  it('403 once the origin was removed from the list', async () => {
    const other = await Application.open();
    await changeOrigins(other.services, operator, defaultClientId, [listed]);
    await changeOrigins(other.services, operator, defaultClientId, []);
    const address = await addVerifiedUser(other);
    expect((await login(other, address, {}, fromListed)).code).toBe('cross_site_request');
    await other.close();
  });
});

describe('a login by mail from a page of another origin', () => {
  const path = '/api/v1/auth/login';

  it.each([
    ['magic-link', 'link_sent'],
    ['email-code', 'code_sent'],
  ])('%s: a listed origin may request tokens, and no other origin a cookie', async (method, status) => {
    const requestLogin = (transport: string, headers: Readonly<Record<string, string>>) =>
      app.send<{ readonly status: string }>('POST', `${path}/${method}`, { json: { email, transport }, headers });
    const accepted = await requestLogin('token', fromListed);
    expect([accepted.status, accepted.data.status, accepted.cookies]).toEqual([202, status, []]);
    for (const response of [await requestLogin('cookie', fromListed), await requestLogin('cookie', fromUnlisted)]) {
      expect([response.status, response.code, response.cookies]).toEqual([403, 'cross_site_request', []]);
    }
    expect((await requestLogin('token', fromUnlisted)).code).toBe('cross_site_request');
  });

  it('403 with the cookie transport for a valid link and code, which stay valid for the page that requested them', async () => {
    const user = await addVerifiedUser(app);
    const cookie = await requestLinkInBrowser(app, user);
    const token = await newestMailedToken(app, user, '/login/magic-link');
    const { browserToken } = (await requestCode(app, user)).data;
    const [code = ''] = await mailedCodes(app, user);
    const proofs = [
      ['magic-link', { token }, cookie],
      ['email-code', { email: user, code, browserToken }, undefined],
    ] as const;
    for (const [method, proof, cookieOfBrowser] of proofs) {
      const consume = (headers: Readonly<Record<string, string>>) => {
        const sent = { json: { ...proof, transport: 'cookie' }, headers };
        const all = cookieOfBrowser === undefined ? sent : { ...sent, cookie: cookieOfBrowser };
        return app.send<Tokens>('POST', `${path}/${method}/verify`, all);
      };
      for (const headersOfOrigin of [fromListed, fromUnlisted]) {
        const response = await consume(headersOfOrigin);
        expect([response.status, response.code, response.cookies]).toEqual([403, 'cross_site_request', []]);
      }
      expect((await consume(sameOrigin)).status).toBe(200);
    }
  });
});

describe('a planted cookie', () => {
  it('is not reused by a login, which issues a new session; the planted session stays unchanged', async () => {
    const attacker = await addCookieSession(app);
    const response = await login(app, email, { transport: 'cookie' }, { ...sameOrigin, cookie: attacker.cookie });
    expect(response.status).toBe(200);
    const [session = ''] = response.cookies;
    expect(attacker.cookie).not.toContain(session.split(';')[0]);
    const me = await app.send<{ readonly email?: unknown }>('GET', '/api/v1/users/me', { cookie: attacker.cookie });
    expect(me.text).toContain(attacker.email);
    expect(me.text).not.toContain(email);
  });

  it.each(['', 'x', `lk_st_${'A'.repeat(49)}`, 'null'])('401 for %j, which the product never issued', async (value) => {
    const { status } = await app.send('GET', '/api/v1/auth/session', { cookie: `latchkey_session=${value}` });
    expect(status).toBe(401);
  });
});
