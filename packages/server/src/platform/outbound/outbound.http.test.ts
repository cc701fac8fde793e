import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { isLoopback } from '#protocol/network-address/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { makeCertificate } from '#test/support/certificates.ts';
import { type HttpReceiver, json, startReceiver } from '#test/support/http-receiver.ts';
import { eventually } from '#test/support/wait.ts';
import { Outbound, type OutboundObservation, type OutboundOptions, type OutboundRequest } from './index.ts';

/** The only address that these tests treat as global. */
const internet = '127.0.0.2';
const certificate = makeCertificate(['people.example', 'localhost']);

let receiver: HttpReceiver;
let observed: OutboundObservation[];

beforeAll(async () => {
  receiver = await startReceiver();
  return () => receiver.stop();
});

beforeEach(() => {
  observed = [];
  receiver.react(json({ ok: true }));
});

/** The rules of development with other public addresses. */
function allowing(isGlobal: (address: string) => boolean): OutboundOptions['readDestination'] {
  return (url, policy) => readDestination(url, { ...policy, production: false }, { isGlobal, isLoopback });
}

/** Options with the system's resolver. */
function options(): OutboundOptions {
  return {
    clock: systemClock,
    readDestination: allowing((address) => address === internet),
    parseJson: parseStrictJson,
    observe: (observation) => void observed.push(observation),
    certificateAuthority: certificate.cert,
  };
}

function open(more: Partial<OutboundOptions> = {}): Outbound {
  return new Outbound({ ...options(), resolve: async () => [internet], ...more });
}

function requestTo(url: string, more: Partial<OutboundRequest> = {}): OutboundRequest {
  const policy = { allowPrivate: false };
  return { purpose: 'registration_hook', url, policy, method: 'GET', timeoutMs: 5000, ...more };
}

/** Sends a request to the receiver, as to an operator's service on this machine. */
function sendToReceiver(client: Outbound, more: Partial<OutboundRequest> = {}) {
  const url = `http://127.0.0.1:${receiver.port}/hook?a=b`;
  return client.request(requestTo(url, { policy: { allowPrivate: true }, ...more }));
}

/** A TCP server that calls `write` for each connection once it has received data. */
async function startRaw(write: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => write(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Sends a request to a server that writes `bytes` as its response. */
async function receiveRaw(bytes: string, more: Partial<OutboundRequest> = {}) {
  const port = await startRaw((socket) => socket.write(bytes));
  return sendToReceiver(open(), { url: `http://127.0.0.1:${port}/`, ...more });
}

describe('a response', () => {
  it('has status, header fields without cookies, and body; the request has only our own header fields', async () => {
    receiver.react((response) => {
      response.writeHead(418, { 'x-one': ['a', 'b'], 'set-cookie': ['a=b'] });
      response.end('tea');
    });
    const headers = { 'x-purpose': 'test' };
    const result = await sendToReceiver(open(), { method: 'POST', body: 'grüße', headers });
    expect(result).toMatchObject({ kind: 'answered', status: 418, headers: { 'x-one': 'a, b' } });
    expect(result.kind === 'answered' && [result.body.toString(), Object.keys(result.headers)]).toEqual([
      'tea',
      expect.not.arrayContaining(['set-cookie']),
    ]);
    const { method, url, body, headers: sent } = receiver.received.at(-1) ?? {};
    expect([method, url, body]).toEqual(['POST', '/hook?a=b', 'grüße']);
    expect(Object.keys(sent ?? {}).sort()).toEqual(
      ['accept-encoding', 'connection', 'content-length', 'host', 'user-agent', 'x-purpose'].sort(),
    );
    expect(sent).toMatchObject({ 'accept-encoding': 'identity', host: `127.0.0.1:${receiver.port}` });
    expect(observed).toMatchObject([{ purpose: 'registration_hook', outcome: 'answered' }]);
  });

  it('may be a redirect, which is not followed', async () => {
    const before = receiver.received.length;
    receiver.react((response) => {
      response.writeHead(307, { location: '/elsewhere' });
      response.end();
    });
    expect(await sendToReceiver(open())).toMatchObject({ status: 307, headers: { location: '/elsewhere' } });
    expect(receiver.received.length).toBe(before + 1);
  });

  it('is parsed as JSON only with a JSON content type and valid JSON', async () => {
    const request = requestTo(`http://127.0.0.1:${receiver.port}/`, { policy: { allowPrivate: true } });
    expect(await open().requestJson(request)).toMatchObject({ status: 200, json: { ok: true } });
    expect(receiver.received.at(-1)?.headers).toMatchObject({ accept: 'application/json' });
    const bodies = [
      ['application/problem+json; charset=utf-8', '{"a":1}', { a: 1 }],
      ['text/html', '{"a":1}', undefined],
      ['application/json', '{"a":', undefined],
      ['application/jsonp', '{"a":1}', undefined],
    ] as const;
    for (const [type, body, value] of bodies) {
      receiver.react((response) => {
        response.writeHead(200, { 'content-type': type });
        response.end(body);
      });
      expect(await open().requestJson(request)).toEqual(expect.objectContaining({ kind: 'answered', json: value }));
    }
  });

  it('comes over a new connection each time, which ignores the proxies of the environment', async () => {
    const port = await startRaw((socket) => socket.destroy());
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) process.env[name] = `http://127.0.0.1:${port}`;
    const client = open();
    const before = receiver.connections;
    for (const _ of [1, 2]) expect((await sendToReceiver(client)).kind).toBe('answered');
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) delete process.env[name];
    expect(receiver.connections).toBe(before + 2);
  });
});

describe('a host name', () => {
  const hosts: HttpReceiver[] = [];

  async function startAt(host: string, names = ['people.example'], port = 0): Promise<HttpReceiver> {
    const tls = names.includes('people.example') ? certificate : makeCertificate(names);
    const started = await startReceiver({ host, port, tls });
    hosts.push(started);
    return started;
  }

  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.stop();
  });

  it('is resolved once, so that DNS rebinding has no effect', async () => {
    // In this order: a port that is free at the other address may be in use at 127.0.0.1.
    const privateHost = await startAt('127.0.0.1');
    const publicHost = await startAt(internet, ['people.example'], privateHost.port);
    let lookups = 0;
    const resolve = async () => {
      lookups += 1;
      return lookups % 2 === 1 ? [internet] : ['127.0.0.1'];
    };
    const client = open({ resolve });
    const result = await client.request(requestTo(`https://people.example:${publicHost.port}/`));
    expect([result.kind, lookups]).toEqual(['answered', 1]);
    const again = await client.request(requestTo(`https://people.example:${publicHost.port}/`));
    expect(again).toEqual({ kind: 'refused', reason: 'address_not_allowed' });
    expect([publicHost.received.length, privateHost.connections]).toEqual([1, 0]);
    expect(publicHost.received[0]).toMatchObject({ serverName: 'people.example' });
    expect(publicHost.received[0]?.headers.host).toBe(`people.example:${publicHost.port}`);
  });

  it('in Unicode is resolved as A-labels', async () => {
    const resolved: string[] = [];
    const resolve = async (host: string) => {
      resolved.push(host);
      return [];
    };
    expect(await open({ resolve }).request(requestTo('https://bücher.example/'))).toMatchObject({
      reason: 'unresolved',
    });
    expect(resolved).toEqual(['xn--bcher-kva.example']);
  });

  it('fails without an address or when its look-up fails; the hosts file is read', async () => {
    const failing = open({ resolve: () => Promise.reject(new Error('SERVFAIL')) });
    expect(await failing.request(requestTo('https://people.example/'))).toEqual({
      kind: 'failed',
      reason: 'unresolved',
    });
    const real = new Outbound(options());
    const url = `http://localhost:${receiver.port}/`;
    expect((await real.request(requestTo(url, { policy: { allowPrivate: true } }))).kind).toBe('answered');
  });

  it('with several addresses is reached at one that accepts connections', async () => {
    const host = await startAt(internet);
    const client = open({
      readDestination: allowing((address) => address !== '127.0.0.1'),
      resolve: async () => ['::1', internet],
    });
    expect((await client.request(requestTo(`https://people.example:${host.port}/`))).kind).toBe('answered');
  });

  it.each([
    ['for another name', makeCertificate(['other.example']), undefined],
    ['of an untrusted issuer', makeCertificate(['people.example']), certificate.cert],
    ['that has expired', makeCertificate(['people.example'], { lastYear: 2021 }), undefined],
  ])('with a certificate %s is not trusted, even with NODE_TLS_REJECT_UNAUTHORIZED=0', async (_, tls, authority) => {
    const host = await startReceiver({ host: internet, tls });
    hosts.push(host);
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    const client = open({ certificateAuthority: authority ?? tls.cert });
    const result = await client.request(requestTo(`https://people.example:${host.port}/`));
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    expect(result).toEqual({ kind: 'failed', reason: 'untrusted' });
    expect(host.received).toEqual([]);
  });

  it('of a server without TLS is not trusted', async () => {
    const plain = await startReceiver({ host: internet });
    hosts.push(plain);
    const result = await open().request(requestTo(`https://people.example:${plain.port}/`));
    expect(result).toEqual({ kind: 'failed', reason: 'untrusted' });
  });
});

describe('a failure', () => {
  it.each([
    ['too_large', 'a Content-Length beyond the limit', 'HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n'],
    ['too_large', 'a body beyond the limit', `HTTP/1.1 200 OK\r\n\r\n${'a'.repeat(101)}`],
    ['malformed', 'header fields beyond the limit', `HTTP/1.1 200 OK\r\n${'x-name: value\r\n'.repeat(3000)}`],
    ['malformed', 'a header line beyond the limit', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`],
    ['malformed', 'another protocol than HTTP', '220 mail.people.example ESMTP\r\n'],
    [
      'malformed',
      'two different Content-Length fields',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    ],
    ['encoded', 'a compressed body', 'HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\na'],
    ['broken', 'a switch to another protocol', 'HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'],
  ])('is %s for %s', async (reason, _, bytes) => {
    expect(await receiveRaw(bytes, { maxBodyBytes: 100 })).toEqual({ kind: 'failed', reason });
    expect(observed).toMatchObject([{ outcome: reason }]);
  });

  it('is encoded for a compressed body, which is not decompressed', async () => {
    receiver.react((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(Buffer.alloc(10_000_000)));
    });
    expect(await sendToReceiver(open())).toEqual({ kind: 'failed', reason: 'encoded' });
  });

  it('is broken for a connection closed before or within the response', async () => {
    for (const start of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc']) {
      const port = await startRaw((socket) => socket.end(start));
      const result = await sendToReceiver(open(), { url: `http://127.0.0.1:${port}/` });
      expect(result).toEqual({ kind: 'failed', reason: 'broken' });
    }
  });

  it('is timeout for silence, a slow body, endless 1xx responses, and a look-up that never ends', async () => {
    const timeoutMs = 150;
    const drip = (text: string) => (socket: Socket) => {
      const timer = setInterval(() => socket.write(text), 5);
      socket.on('close', () => clearInterval(timer));
    };
    const writers = [
      () => undefined,
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n');
        drip('a')(socket);
      },
      drip('HTTP/1.1 103 Early Hints\r\n\r\n'),
    ];
    for (const write of writers) {
      const port = await startRaw(write);
      const result = await sendToReceiver(open(), { url: `http://127.0.0.1:${port}/`, timeoutMs });
      expect(result).toEqual({ kind: 'failed', reason: 'timeout' });
    }
    const client = open({ resolve: () => Promise.withResolvers<string[]>().promise });
    const unresolved = await client.request(requestTo('https://people.example/', { timeoutMs }));
    expect(unresolved).toEqual({ kind: 'failed', reason: 'timeout' });
    for (const { milliseconds } of observed) expect(milliseconds).toBeLessThan(timeoutMs + 1000);
  });

  it('is unreachable after one retry of the connection; a sent request is never sent again', async () => {
    let lookups = 0;
    const gone = await startReceiver();
    await gone.stop();
    const resolve = async () => {
      lookups += 1;
      return ['127.0.0.1'];
    };
    const url = `http://people.example:${gone.port}/`;
    const result = await sendToReceiver(open({ resolve }), { url });
    expect([result, lookups]).toEqual([{ kind: 'failed', reason: 'unreachable' }, 2]);
    const before = receiver.received.length;
    receiver.react((response) => void response.socket?.destroy());
    expect(await sendToReceiver(open())).toEqual({ kind: 'failed', reason: 'broken' });
    expect(receiver.received.length).toBe(before + 1);
  });
});

describe('a failing service', () => {
  it('gets no requests after five consecutive failures, and one trial request after the pause', async () => {
    const client = open({ openSeconds: 0.2 });
    receiver.react(json({}, 503));
    for (const _ of [1, 2, 3, 4, 5]) expect(await sendToReceiver(client)).toMatchObject({ status: 503 });
    const before = receiver.received.length;
    expect(await sendToReceiver(client)).toEqual({ kind: 'failed', reason: 'circuit_open' });
    expect(receiver.received.length).toBe(before);
    receiver.react(json({}));
    const isBack = async () => (await sendToReceiver(client)).kind === 'answered';
    await eventually(isBack, { what: 'the circuit is closed again' });
  });

  it('does not affect requests to another service', async () => {
    const client = open();
    receiver.react(json({}, 500));
    for (const _ of [1, 2, 3, 4, 5]) await sendToReceiver(client);
    const other = await startReceiver();
    onTestFinished(() => other.stop());
    expect((await sendToReceiver(client, { url: `http://127.0.0.1:${other.port}/` })).kind).toBe('answered');
  });

  it('gets a limited number of concurrent requests; further ones fail immediately', async () => {
    const client = open({ concurrency: { total: 3, perDestination: 2 } });
    const waiting: (() => void)[] = [];
    receiver.react((response) => void waiting.push(() => response.end('{}')));
    const first = [sendToReceiver(client), sendToReceiver(client)];
    await eventually(() => waiting.length === 2, { what: 'two requests are in progress' });
    expect(await sendToReceiver(client)).toEqual({ kind: 'failed', reason: 'overloaded' });
    for (const respond of waiting) respond();
    for (const result of await Promise.all(first)) expect(result.kind).toBe('answered');
    receiver.react(json({}));
    expect((await sendToReceiver(client)).kind).toBe('answered');
  });
});
