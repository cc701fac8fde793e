import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { addCookieSession } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

describe('GET /', () => {
  it('200 says what this server is, and shows developers the inbox and the first requests', async () => {
    const { status, text, headers } = await app.send('GET', '/');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text).toContain('This is the sign-in service of localhost');
    expect(text).toMatch(/<a href="http:\/\/(127\.0\.0\.1|localhost):\d+\/dev\/inbox">/);
    expect(text).toContain('/api/v1/auth/register');
    expect(text).toContain('<a href="/docs">');
  });

  it('200 names the account of the session, also behind query names that it does not know', async () => {
    const { cookie, email } = await addCookieSession(app);
    const { status, text } = await app.send('GET', '/?utm_source=mail', { cookie });
    expect([status, text]).toEqual([200, expect.stringContaining(`You are signed in as ${email}.`)]);
  });

  it('200 for a cookie that is no session, as for a visitor', async () => {
    const { status, text } = await app.send('GET', '/', { cookie: 'latchkey_session=x' });
    expect([status, text]).toEqual([200, expect.stringContaining('This is the sign-in service')]);
  });

  it('speaks the language of the browser', async () => {
    const { text } = await app.send('GET', '/', { headers: { 'accept-language': 'de' } });
    expect(text).toContain('<html lang="de">');
    expect(text).toContain('Dies ist der Anmeldedienst');
  });
});
