import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { addCookieSession } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

describe('GET /', () => {
  it('200 shows developers the inbox and the first requests, and leads a visitor to the sign-in page', async () => {
    const { status, text, headers } = await app.send('GET', '/');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text).toMatch(/href="http:\/\/(127\.0\.0\.1|localhost):\d+\/dev\/inbox">/);
    expect(text).toContain('/api/v1/auth/register');
    expect(text).toContain('href="/docs"');
    expect(text).toContain('href="/login"');
  });

  it('200 leads a user to the account, also behind query names that it does not know', async () => {
    const { cookie } = await addCookieSession(app);
    const { status, text } = await app.send('GET', '/?utm_source=mail', { cookie });
    expect([status, text]).toEqual([200, expect.stringContaining('href="/account"')]);
  });

  it('200 for a cookie that is no session, as for a visitor', async () => {
    const { status, text } = await app.send('GET', '/', { cookie: 'latchkey_session=x' });
    expect([status, text]).toEqual([200, expect.stringContaining('href="/login"')]);
  });

  it('speaks the language of the browser', async () => {
    const { text } = await app.send('GET', '/', { headers: { 'accept-language': 'de' } });
    expect(text).toContain('<html lang="de">');
    expect(text).toContain('Ihr Anmeldedienst läuft');
  });

  it('in production leads to the sign-in page or to the account, and shows nothing', async () => {
    const env = {
      NODE_ENV: 'production',
      LATCHKEY_PUBLIC_URL: 'https://auth.example.com',
      SMTP_URL: 'smtps://user:secret@mail.example.com',
      LATCHKEY_ARGON2_MEMORY_KIB: '19456',
      LATCHKEY_ARGON2_TIME: '2',
    };
    const { cookie } = await addCookieSession(app);
    const production = await Application.open({ deploymentOf: app, env, manual: true });
    const session = cookie.replace('latchkey_session=', '__Host-latchkey=');
    const [visitor, user] = [await production.send('GET', '/'), await production.send('GET', '/', { cookie: session })];
    await production.close();
    expect([visitor.status, visitor.headers.get('location'), visitor.text]).toEqual([303, '/login', '']);
    expect([user.status, user.headers.get('location')]).toEqual([303, '/account']);
  });
});
