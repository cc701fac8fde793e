import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listedOrigin, sampleOptions } from '#test/support/sample-http-server.ts';
import { apiEndpoint, buildServer, documentEndpoint, type HttpServer } from '../index.ts';

const here = documentEndpoint({
  id: 'test.here',
  method: 'GET',
  path: '/dev/here',
  summary: 'Loopback only',
  rateLimit: 'none',
  loopbackOnly: true,
  problems: [],
  contentType: 'text/plain',
  openToCors: false,
  cacheSeconds: 0,
  handler: async () => ({ status: 200, body: 'here' }),
});

const change = apiEndpoint({
  id: 'test.change_here',
  method: 'POST',
  path: '/dev/here',
  tag: 'development',
  summary: 'Loopback only',
  auth: { principals: ['public'] },
  rateLimit: 'none',
  loopbackOnly: true,
  problems: [],
  request: {},
  response: { status: 200, message: 'Changed.', data: z.null(), example: null },
  handler: async () => ({ data: null }),
});

describe('an endpoint for this machine only', () => {
  let server: HttpServer;

  beforeAll(async () => {
    server = await buildServer(sampleOptions({ endpoints: [here, change] }));
  });

  const ask = async (peerAddress: string, headers: Record<string, string> = {}, method = 'GET') =>
    server.fetch(new Request('http://localhost:5626/dev/here', { method, headers }), { peerAddress });
  const statusOf = async (...request: Parameters<typeof ask>) => (await ask(...request)).status;

  it.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])('200 for %s', async (address) => {
    expect(await statusOf(address)).toBe(200);
  });

  it.each(['192.168.1.4', '203.0.113.9', '::', 'fe80::1', '2001:db8::1', '::ffff:10.0.0.1'])(
    '404 for %j',
    async (address) => {
      expect(await statusOf(address)).toBe(404);
      expect(await statusOf(address, { 'x-forwarded-for': '127.0.0.1' })).toBe(404);
    },
  );

  it.each(['rebound.example', 'localhost.example', 'localhost.', '127.0.0.1.example', '10.0.0.1', 'localhost:5626@x'])(
    '404 under the host %j, which may be another name of this machine',
    async (host) => {
      expect(await statusOf('127.0.0.1', { host })).toBe(404);
      expect(await statusOf('127.0.0.1', { host, 'sec-fetch-site': 'same-origin' }, 'POST')).toBe(404);
    },
  );

  it.each(['localhost', 'LOCALHOST:5626', '127.0.0.1:5625', '[::1]:5625'])('200 under the host %s', async (host) => {
    expect(await statusOf('::1', { host })).toBe(200);
  });

  it('200 with forwarding headers, whose absence would prove nothing', async () => {
    expect(await statusOf('127.0.0.1', { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' })).toBe(200);
  });

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': '' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    { origin: 'http://localhost:5625' },
    { origin: 'https://localhost:5626' },
    { origin: 'http://127.0.0.1:5626' },
    { origin: 'null' },
    { origin: listedOrigin },
    { origin: listedOrigin, 'sec-fetch-site': 'same-origin' },
  ])('403 for a page of another origin, also of the public listener: %j', async (headers) => {
    for (const method of ['GET', 'POST']) {
      const response = await ask('127.0.0.1', headers as Record<string, string>, method);
      expect([method, response.status]).toEqual([method, 403]);
    }
  });

  it('200 for a page of this listener, for clients that are no browsers, and for an address that is typed in', async () => {
    for (const headers of [
      {},
      { origin: 'http://localhost:5626' },
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ]) {
      for (const method of ['GET', 'POST']) {
        expect(await statusOf('::1', headers as Record<string, string>, method)).toBe(200);
      }
    }
  });

  it('200 for a link on another page, which opens it and cannot read it; never for a form', async () => {
    const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    for (const site of ['same-site', 'cross-site']) {
      expect(await statusOf('::1', { ...link, 'sec-fetch-site': site })).toBe(200);
      expect(await statusOf('::1', { ...link, 'sec-fetch-site': site }, 'POST')).toBe(403);
    }
  });

  it('allows no origin in a preflight', async () => {
    const headers = { origin: listedOrigin, 'access-control-request-method': 'POST' };
    expect((await ask('::1', headers, 'OPTIONS')).headers.has('access-control-allow-origin')).toBe(false);
  });
});
