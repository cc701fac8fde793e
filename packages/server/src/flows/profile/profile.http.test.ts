import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { addCookieSession, addLoggedIn } from '#test/support/people-online.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

describe('GET /api/v1/users/me', () => {
  it('200 says what we know of the caller, and nothing that is private', async () => {
    const { accessToken, email, userId } = await addLoggedIn(app);
    const { data, text } = await app.send('GET', '/api/v1/users/me', { token: accessToken });
    expect(data).toEqual({
      id: userId,
      subject: userId,
      email,
      emailVerified: true,
      name: 'Ada Lovelace',
      locale: 'en',
      status: 'active',
      publicMetadata: {},
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(text).not.toMatch(/password|epoch|private|argon/i);
  });

  it('200 for a session by cookie, and by the path without a version', async () => {
    const { cookie, email } = await addCookieSession(app);
    expect((await app.send('GET', '/api/users/me', { cookie })).data).toMatchObject({ email });
  });

  it('401 without a session', async () => {
    expect((await app.send('GET', '/api/v1/users/me')).code).toBe('not_authenticated');
  });
});
