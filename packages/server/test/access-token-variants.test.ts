/** Invariant 8 over HTTP: a token has exactly one valid spelling, before and after it was cached. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from './support/application.ts';
import { tokenVariants } from './support/token-variants.ts';
import { addLoggedInUser, cookieHeader, login } from './support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

/** The status of a session check; undefined when HTTP cannot carry the header or reduces it to the token itself. */
async function sendVariant(token: string, text: string): Promise<number | undefined> {
  const headers = new Headers();
  try {
    headers.set('authorization', `Bearer ${text}`);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
  if (headers.get('authorization') === `Bearer ${token}`) return undefined;
  return (await app.send('GET', '/api/v1/auth/session', { headers: Object.fromEntries(headers) })).status;
}

describe('GET /api/v1/auth/session', () => {
  it('401 for every variant of a token, whether the token is cached or not', async () => {
    const { accessToken } = await addLoggedInUser(app);
    for (const cache of ['cold', 'warm']) {
      let sent = 0;
      for (const { what, text } of tokenVariants(accessToken)) {
        const status = await sendVariant(accessToken, text);
        expect([cache, what, status ?? 401]).toEqual([cache, what, 401]);
        sent += status === undefined ? 0 : 1;
      }
      expect(sent).toBeGreaterThan(80);
      expect((await app.send('GET', '/api/v1/auth/session', { token: accessToken })).status).toBe(200);
    }
  });

  it('401 for every other secret of a login, and for a token in the place of a cookie', async () => {
    const { email, accessToken, refreshToken, deviceToken } = await addLoggedInUser(app);
    const cookie = cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
    const session = /latchkey_session=([^;]+)/.exec(cookie)?.[1] ?? '';
    for (const token of [refreshToken, deviceToken, session]) {
      expect((await app.send('GET', '/api/v1/auth/session', { token })).status).toBe(401);
    }
    for (const value of [accessToken, refreshToken, deviceToken]) {
      const sent = await app.send('GET', '/api/v1/auth/session', { cookie: `latchkey_session=${value}` });
      expect(sent.status).toBe(401);
    }
  });
});
