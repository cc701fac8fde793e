/** invariant 8 over HTTP: a token is one text, before and after it was remembered. */
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from './support/application.ts';
import { tokenVariants } from './support/token-variants.ts';
import { addLoggedInUser, cookieHeader, login } from './support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

/** The status of a session check, or nothing when HTTP has no such header or cuts it to the token itself. */
async function statusOf(token: string, text: string): Promise<number | undefined> {
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
  it('401 for every other spelling of a token, cold and when the token is remembered', async () => {
    const { accessToken } = await addLoggedInUser(app);
    for (const memory of ['cold', 'warm']) {
      let asked = 0;
      for (const { what, text } of tokenVariants(accessToken)) {
        const status = await statusOf(accessToken, text);
        expect([memory, what, status ?? 401]).toEqual([memory, what, 401]);
        asked += status === undefined ? 0 : 1;
      }
      expect(asked).toBeGreaterThan(80);
      expect((await app.send('GET', '/api/v1/auth/session', { token: accessToken })).status).toBe(200);
    }
  });

  it('401 for every other kind of secret that a login gives, and for a token where a cookie belongs', async () => {
    const { email, accessToken, refreshToken, deviceToken } = await addLoggedInUser(app);
    const cookie = cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
    const session = /latchkey_session=([^;]+)/.exec(cookie)?.[1] ?? '';
    for (const token of [refreshToken, deviceToken, session]) {
      expect((await app.send('GET', '/api/v1/auth/session', { token })).status).toBe(401);
    }
    for (const value of [accessToken, refreshToken, deviceToken]) {
      const asked = await app.send('GET', '/api/v1/auth/session', { cookie: `latchkey_session=${value}` });
      expect(asked.status).toBe(401);
    }
  });
});
