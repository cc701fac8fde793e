import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';

let app: Application;
beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

async function get(path: string, headers: Readonly<Record<string, string>>, method = 'GET') {
  const url = new URL(path, app.services.config.http.publicUrl);
  const response = await app.server.fetch(new Request(url, { method, headers }), { peerAddress: '127.0.0.1' });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const typeOf = ({ headers }: { readonly headers: Headers }) => headers.get('content-type')?.split(';')[0];

describe('an unknown address', () => {
  it('is a page for people, in their language and with the policy of pages', async () => {
    const shown = await get('/nowhere', { accept: browser, 'accept-language': 'de' });
    expect([shown.status, typeOf(shown)]).toEqual([404, 'text/html']);
    expect(shown.text).toContain('<h1>Hier ist nichts</h1>');
    expect(shown.text).toContain('href="?ui_locales=en"');
    expect(shown.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
  });

  it.each([
    ['GET', '/nowhere', undefined],
    ['GET', '/nowhere', '*/*'],
    ['GET', '/nowhere', 'application/json'],
    ['GET', '/api/v1/nowhere', browser],
  ])('is a problem for programs: %s %s with %s', async (method, path, accept) => {
    const refused = await get(path, accept === undefined ? {} : { accept }, method);
    expect([refused.status, typeOf(refused)]).toEqual([404, 'application/problem+json']);
  });

  it('is a page for a method that is not allowed, with the methods that are', async () => {
    const refused = await get('/login', { accept: browser }, 'PUT');
    expect([refused.status, typeOf(refused)]).toEqual([405, 'text/html']);
    expect(refused.headers.get('allow')).toContain('GET');
  });

  it('shows nothing of the address', async () => {
    const { text } = await get('/<script>alert(1)</script>?q=<script>', { accept: browser });
    expect(text).not.toMatch(/alert|q=/);
  });
});

it('a page asked for as JSON has its problem as JSON', async () => {
  expect((await app.send('GET', '/login')).status).toBe(200);
  const path = `/login?continue=${'/'.repeat(4100)}`;
  expect(typeOf(await get(path, { accept: 'application/json' }))).toBe('application/problem+json');
  expect(typeOf(await get(path, { accept: browser }))).toBe('text/html');
  expect(typeOf(await get(path, {}))).toBe('text/html');
});
