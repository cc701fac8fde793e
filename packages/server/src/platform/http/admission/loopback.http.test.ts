import { describe, expect, it } from 'vitest';
import { sampleOptions } from '#test/support/sample-http-server.ts';
import { buildServer, documentEndpoint } from '../index.ts';

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

describe('an endpoint for this machine only', () => {
  const send = async (peerAddress: string, headers: Record<string, string> = {}) => {
    const server = await buildServer(sampleOptions({ endpoints: [here] }));
    return (await server.fetch(new Request('http://localhost/dev/here', { headers }), { peerAddress })).status;
  };

  it.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])('200 for %s', async (address) => {
    expect(await send(address)).toBe(200);
  });

  it.each(['192.168.1.4', '203.0.113.9', '::', 'fe80::1', '2001:db8::1', '::ffff:10.0.0.1'])(
    '404 for %j',
    async (address) => {
      expect(await send(address)).toBe(404);
    },
  );

  it('404 under another host name that resolves to this machine', async () => {
    expect(await send('127.0.0.1', { host: 'rebound.example' })).toBe(404);
    expect(await send('127.0.0.1', { host: 'localhost.example' })).toBe(404);
    expect(await send('127.0.0.1', { host: '127.0.0.1:5625' })).toBe(200);
    expect(await send('::1', { host: '[::1]:5625' })).toBe(200);
  });

  it('404 for requests that a tunnel or a proxy on this machine forwards', async () => {
    expect(await send('127.0.0.1', { 'x-forwarded-for': '203.0.113.9' })).toBe(404);
    expect(await send('127.0.0.1', { forwarded: 'for=203.0.113.9' })).toBe(404);
  });
});
