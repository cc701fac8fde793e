import { beforeAll, describe, expect, it } from 'vitest';
import { changeOrigins } from '#flows/operate-clients/index.ts';
import { Application } from './support/application.ts';
import { addCookieSession, addVerified, login, sameOrigin } from './support/people-online.ts';

const listed = 'https://app.people.example';
const fromListed = { origin: listed, 'sec-fetch-site': 'cross-site' };
const fromElsewhere = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' };

let app: Application;
let email: string;

beforeAll(async () => {
  app = await Application.open();
  email = await addVerified(app);
  await changeOrigins(app.services, [listed]);
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
    await changeOrigins(other.services, [listed]);
    await changeOrigins(other.services, []);
    const address = await addVerified(other);
    expect((await login(other, address, {}, fromListed)).code).toBe('cross_site_request');
    await other.close();
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
