import { beforeAll, describe, expect, it } from 'vitest';
import { sharesCookies } from '#protocol/cookie-domain/index.ts';
import { sampleOptions } from '#test/support/sample-http-server.ts';
import { buildServer, type HttpServer } from '../index.ts';

const listed = ['https://app.example.com', 'http://app.example.com', 'https://elsewhere.example'];
const cookie = '__Secure-latchkey=good';

let server: HttpServer;

beforeAll(async () => {
  const options = sampleOptions({
    publicUrl: new URL('https://auth.example.com'),
    isListedOrigin: (origin) => listed.includes(origin),
    cookieDomain: { name: 'example.com', includes: (origin) => sharesCookies(origin, 'example.com') },
  });
  server = await buildServer(options);
});

const send = (method: string, path: string, headers: Readonly<Record<string, string>>) =>
  server.fetch(new Request(`http://x${path}`, { method, headers }), { peerAddress: '::1' });
const leave = (headers: Readonly<Record<string, string>>) => send('POST', '/api/v1/leave', { cookie, ...headers });

describe('with a cookie domain', () => {
  it.each([
    { 'sec-fetch-site': 'same-origin' },
    { origin: 'https://auth.example.com' },
    { origin: 'https://app.example.com' },
    { 'sec-fetch-site': 'same-site', origin: 'https://app.example.com' },
  ])('200 for a write by cookie of our own page, and of a listed origin below the domain: %j', async (headers) => {
    const response = await leave(headers as Record<string, string>);
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie().slice(0, 2)).toEqual([
      '__Secure-latchkey=; Domain=example.com; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0',
      '__Host-latchkey=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0',
    ]);
  });

  it.each([
    {},
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none', origin: 'https://app.example.com' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://app.example.com' },
    { 'sec-fetch-site': 'same-site', origin: 'https://other.example.com' },
    { 'sec-fetch-site': 'same-site', origin: 'http://app.example.com' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' },
    { origin: 'https://elsewhere.example' },
    { origin: 'https://app.example.com.evil.example' },
    { origin: 'null' },
  ])('403 for a write by cookie of any other page: %j', async (headers) => {
    expect((await leave(headers as Record<string, string>)).status).toBe(403);
  });

  it('allows credentials to listed origins below the domain, and to no other', async () => {
    const allowed = async (origin: string) => {
      const preflight = { origin, 'access-control-request-method': 'GET' };
      const responses = [
        await send('GET', '/api/v1/me', { cookie, origin }),
        await send('OPTIONS', '/api/v1/me', preflight),
      ];
      return responses.map(({ headers }) => [
        headers.get('access-control-allow-origin'),
        headers.get('access-control-allow-credentials'),
      ]);
    };
    const app = ['https://app.example.com', 'true'];
    expect(await allowed('https://app.example.com')).toEqual([app, app]);
    for (const origin of ['http://app.example.com', 'https://elsewhere.example']) {
      expect(await allowed(origin)).toEqual([
        [origin, null],
        [origin, null],
      ]);
    }
    expect(await allowed('https://other.example.com')).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it('401 for two session cookies, one of which a subdomain may have set', async () => {
    const me = async (value: string) => (await send('GET', '/api/v1/me', { cookie: value })).status;
    expect(await me(cookie)).toBe(200);
    expect(await me(`${cookie}; __Secure-latchkey=planted`)).toBe(401);
    expect(await me(`__Secure-latchkey=planted; ${cookie}`)).toBe(401);
    expect(await me('__Host-latchkey=good')).toBe(401);
  });
});
