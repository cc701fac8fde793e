import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendRaw } from '#test/support/raw-http.ts';
import {
  echo,
  now,
  observed,
  type SampleServer,
  sampleOptions,
  startSample,
} from '#test/support/sample-http-server.ts';
import { buildServer, ListenFailed } from '../index.ts';

let sample: SampleServer;

beforeAll(async () => {
  sample = await startSample();
});

afterAll(() => sample.server.close({ graceMs: 0 }));

describe('fetch in-process', () => {
  it('responds as over a socket, with the given peer address', async () => {
    const request = new Request('http://localhost:5625/api/v1/echo', {
      method: 'POST',
      body: '{"email":"a"}',
      headers: { 'content-type': 'application/json' },
    });
    const response = await sample.server.fetch(request, { peerAddress: '198.51.100.7' });
    expect(response.status).toBe(201);
    expect(observed.caller?.address).toBe('198.51.100.7');
    const left = new Request('http://x/api/v1/leave', { method: 'POST', headers: { authorization: 'Bearer good' } });
    expect((await sample.server.fetch(left, { peerAddress: '::1' })).headers.getSetCookie()).toHaveLength(2);
    const options = new Request('http://x/livez', { method: 'OPTIONS' });
    expect((await sample.server.fetch(options, { peerAddress: '::1' })).status).toBe(204);
  });
});

describe('listening and closing', () => {
  it('listens on both loopbacks with one port', async () => {
    const other = await buildServer(sampleOptions());
    const addresses = await other.listen({ hosts: ['127.0.0.1', '::1'], port: 0 });
    expect(new Set(addresses.map((address) => address.port)).size).toBe(1);
    for (const { host, port: each } of addresses) {
      expect((await sendRaw(each, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', host)).status).toBe(200);
    }
    await other.close({ graceMs: 0 });
  });

  it('listens on all addresses of both families with one port', async () => {
    const other = await buildServer(sampleOptions());
    const addresses = await other.listen({ hosts: ['0.0.0.0', '::'], port: 0 });
    for (const host of ['127.0.0.1', '::1']) {
      expect((await sendRaw(addresses[0]!.port, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', host)).status).toBe(200);
    }
    await other.close({ graceMs: 0 });
  });

  it('throws one sentence and takes no port when one of the addresses is in use', async () => {
    const neighbor = await buildServer(sampleOptions());
    const [taken] = await neighbor.listen({ hosts: ['::1'], port: 0 });
    const other = await buildServer(sampleOptions());
    const listening = other.listen({
      hosts: ['127.0.0.1', '::1'],
      port: taken!.port,
      settings: { hosts: 'LATCHKEY_OPS_HOST', port: 'LATCHKEY_OPS_PORT' },
    });
    await expect(listening).rejects.toThrow(
      new ListenFailed(
        `Port ${taken!.port} on ::1 is already in use. Stop the program that uses it, or set LATCHKEY_OPS_PORT to another port.`,
      ),
    );
    await expect(sendRaw(taken!.port, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toThrow('ECONNREFUSED');
    await neighbor.close({ graceMs: 0 });
  });

  it('throws one sentence for an address that this machine does not have', async () => {
    const other = await buildServer(sampleOptions());
    await expect(other.listen({ hosts: ['192.0.2.1'], port: 0 })).rejects.toThrow(
      'Cannot listen on port 0 of 192.0.2.1, which is not an address of this machine. Set LATCHKEY_HOST.',
    );
  });

  it('shares a port with another server if both allow it, and with no other', async () => {
    const [first, second, third] = await Promise.all([0, 1, 2].map(() => buildServer(sampleOptions())));
    const [address] = await first!.listen({ hosts: ['127.0.0.1'], port: 0, reusePort: true });
    const { port } = address!;
    expect(await second!.listen({ hosts: ['127.0.0.1'], port, reusePort: true })).toEqual([address]);
    await expect(third!.listen({ hosts: ['127.0.0.1'], port })).rejects.toThrow('already in use');
    await Promise.all([first!.close({ graceMs: 0 }), second!.close({ graceMs: 0 })]);
  });

  it('closes each connection after its response once it drains, and still accepts requests', async () => {
    const other = await buildServer(sampleOptions());
    const [address] = await other.listen({ hosts: ['127.0.0.1'], port: 0 });
    const connectionHeader = async () =>
      (await fetch(`http://127.0.0.1:${address!.port}/livez`)).headers.get('connection');
    expect(await connectionHeader()).toBe('keep-alive');
    other.drain();
    expect(await connectionHeader()).toBe('close');
    await other.close({ graceMs: 0 });
  });

  it('finishes requests in flight with Connection: close, and accepts no more', async () => {
    const other = await buildServer(sampleOptions());
    const [address] = await other.listen({ hosts: ['127.0.0.1'], port: 0 });
    const entered = new Promise<void>((resolve) => {
      observed.slowEntered = resolve;
    });
    const slow = fetch(`http://127.0.0.1:${address!.port}/api/v1/slow`);
    await entered;
    const closed = other.close({ graceMs: 5000 });
    await expect(sendRaw(address!.port, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toThrow('ECONNREFUSED');
    observed.releaseSlow?.();
    const response = await slow;
    expect([response.status, response.headers.get('connection')]).toEqual([200, 'close']);
    await closed;
    await other.close({ graceMs: 5000 });
  });

  it('closes the remaining connections after the grace period', async () => {
    const other = await buildServer(sampleOptions());
    const [address] = await other.listen({ hosts: ['127.0.0.1'], port: 0 });
    const entered = new Promise<void>((resolve) => {
      observed.slowEntered = resolve;
    });
    const slow = fetch(`http://127.0.0.1:${address!.port}/api/v1/slow`);
    const cut = expect(slow).rejects.toThrow();
    await entered;
    await other.close({ graceMs: 10 });
    await cut;
    observed.releaseSlow?.();
  });
});

describe('https in production', () => {
  it('sends Strict-Transport-Security and uses host-bound cookies', async () => {
    const other = await buildServer(sampleOptions({ publicUrl: new URL('https://id.example.com'), production: true }));
    const request = new Request('https://id.example.com/api/v1/leave', {
      method: 'POST',
      headers: { cookie: '__Host-latchkey=good', 'sec-fetch-site': 'same-origin' },
    });
    const response = await other.fetch(request, { peerAddress: '::1' });
    expect(response.headers.get('strict-transport-security')).toContain('max-age=63072000');
    expect(response.headers.getSetCookie()).toEqual([
      '__Host-latchkey=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0',
      `__Host-latchkey-device=d1; Path=/; HttpOnly; SameSite=Lax; Secure; Expires=${now.toUTCString()}`,
    ]);
    await other.close({ graceMs: 0 });
  });
});

describe('buildServer', () => {
  it('throws when an endpoint is declared twice', async () => {
    await expect(buildServer(sampleOptions({ endpoints: [echo, echo] }))).rejects.toThrow('declared twice');
  });
});
