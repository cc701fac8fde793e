import { beforeAll, describe, expect, it } from 'vitest';
import { defaultClientId } from '#domain/clients/index.ts';
import { changeOrigins } from '#flows/admin-clients/index.ts';
import { Application } from './support/application.ts';
import { loginMethodsEnabled, mailedCodes, requestCode, requestLinkInBrowser } from './support/login-by-mail.ts';
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
const fromElsewhere = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' };

let app: Application;
let email: string;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  email = await addVerifiedUser(app);
  await changeOrigins(app.services, defaultClientId, [listed]);
  return () => app.close();
});

describe('POST /api/v1/auth/login from a page of another origin', () => {
  it('200 by tokens when its origin is listed, and its script may read them', async () => {
    const answer = await login(app, email, {}, fromListed);
    expect([answer.status, answer.cookies]).toEqual([200, []]);
    expect(answer.headers.get('access-control-allow-origin')).toBe(listed);
  });

  it('403 by cookie, though it is listed: nobody is logged in where they did not ask for it', async () => {
    const answer = await login(app, email, { transport: 'cookie' }, fromListed);
    expect([answer.status, answer.code, answer.cookies]).toEqual([403, 'cross_site_request', []]);
  });

  it.each(['token', 'cookie'])('403 by %s when it is not listed, whatever the password is', async (transport) => {
    for (const password of ['a wrong password', undefined]) {
      const more = password === undefined ? { transport } : { transport, password };
      const answer = await login(app, email, more, fromElsewhere);
      expect([answer.code, answer.headers.get('access-control-allow-origin')]).toEqual(['cross_site_request', null]);
    }
  });

  it('403 from then on when its origin is taken off the list', async () => {
    const other = await Application.open();
    await changeOrigins(other.services, defaultClientId, [listed]);
    await changeOrigins(other.services, defaultClientId, []);
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
  ])('%s: a listed one may ask by tokens, and by cookie none may', async (door, status) => {
    const ask = (transport: string, headers: Readonly<Record<string, string>>) =>
      app.send<{ readonly status: string }>('POST', `${path}/${door}`, { json: { email, transport }, headers });
    const given = await ask('token', fromListed);
    expect([given.status, given.data.status, given.cookies]).toEqual([202, status, []]);
    for (const answer of [await ask('cookie', fromListed), await ask('cookie', fromElsewhere)]) {
      expect([answer.status, answer.code, answer.cookies]).toEqual([403, 'cross_site_request', []]);
    }
    expect((await ask('token', fromElsewhere)).code).toBe('cross_site_request');
  });

  it('403 by cookie for a good link and a good code, which stay good for the page that asked', async () => {
    const person = await addVerifiedUser(app);
    const cookie = await requestLinkInBrowser(app, person);
    const token = await newestMailedToken(app, person, '/login/magic-link');
    const { browserToken } = (await requestCode(app, person)).data;
    const [code = ''] = await mailedCodes(app, person);
    const proofs = [
      ['magic-link', { token }, cookie],
      ['email-code', { email: person, code, browserToken }, undefined],
    ] as const;
    for (const [door, proof, shown] of proofs) {
      const use = (headers: Readonly<Record<string, string>>) => {
        const sent = { json: { ...proof, transport: 'cookie' }, headers };
        const all = shown === undefined ? sent : { ...sent, cookie: shown };
        return app.send<Tokens>('POST', `${path}/${door}/verify`, all);
      };
      for (const elsewhere of [fromListed, fromElsewhere]) {
        const answer = await use(elsewhere);
        expect([answer.status, answer.code, answer.cookies]).toEqual([403, 'cross_site_request', []]);
      }
      expect((await use(sameOrigin)).status).toBe(200);
    }
  });
});

describe('a cookie that was planted', () => {
  it('is no session afterwards: a login answers another, and the planted one stays what it was', async () => {
    const attacker = await addCookieSession(app);
    const answer = await login(app, email, { transport: 'cookie' }, { ...sameOrigin, cookie: attacker.cookie });
    expect(answer.status).toBe(200);
    const [session = ''] = answer.cookies;
    expect(attacker.cookie).not.toContain(session.split(';')[0]);
    const me = await app.send<{ readonly email?: unknown }>('GET', '/api/v1/users/me', { cookie: attacker.cookie });
    expect(me.text).toContain(attacker.email);
    expect(me.text).not.toContain(email);
  });

  it.each(['', 'x', `lk_st_${'A'.repeat(49)}`, 'null'])('401 for %j, which we never made', async (value) => {
    const { status } = await app.send('GET', '/api/v1/auth/session', { cookie: `latchkey_session=${value}` });
    expect(status).toBe(401);
  });
});
