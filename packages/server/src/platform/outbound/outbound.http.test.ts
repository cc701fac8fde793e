import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { makeCertificate } from '#test/support/certificates.ts';
import { type HttpReceiver, json, startReceiver } from '#test/support/http-receiver.ts';
import { eventually } from '#test/support/wait.ts';
import { Outbound, type OutboundObservation, type OutboundOptions, type OutboundRequest } from './index.ts';

/** For these tests the Internet is 127.0.0.2, and all else is not. */
const internet = '127.0.0.2';
const certificate = makeCertificate(['people.example', 'localhost']);

let receiver: HttpReceiver;
let seen: OutboundObservation[];

beforeAll(async () => {
  receiver = await startReceiver();
  return () => receiver.stop();
});

beforeEach(() => {
  seen = [];
  receiver.react(json({ ok: true }));
});

/** With the real resolver. */
function options(): OutboundOptions {
  return {
    clock: systemClock,
    production: false,
    isGlobal: (address) => address === internet,
    isLoopback: (address) => address.startsWith('127.') || address === '::1',
    parseJson: parseStrictJson,
    observe: (observation) => void seen.push(observation),
    certificateAuthority: certificate.cert,
  };
}

function open(more: Partial<OutboundOptions> = {}): Outbound {
  return new Outbound({ ...options(), resolve: async () => [internet], ...more });
}

function asking(url: string, more: Partial<OutboundRequest> = {}): OutboundRequest {
  const policy = { allowPrivate: false };
  return { purpose: 'registration_hook', url, policy, method: 'GET', timeoutMs: 5000, ...more };
}

/** The operator's own, on this machine. */
function askOwn(client: Outbound, more: Partial<OutboundRequest> = {}) {
  const url = `http://127.0.0.1:${receiver.port}/hook?a=b`;
  return client.ask(asking(url, { policy: { allowPrivate: true }, ...more }));
}

/** A server that is no HTTP server: gets the connection's bytes, writes what it likes. */
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

async function sendRaw(bytes: string, more: Partial<OutboundRequest> = {}) {
  const port = await startRaw((socket) => socket.write(bytes));
  return askOwn(open(), { url: `http://127.0.0.1:${port}/`, ...more });
}

describe('what is answered', () => {
  it('is status, header fields and body; cookies are left out, and what we send is ours', async () => {
    receiver.react((response) => {
      response.writeHead(418, { 'x-one': ['a', 'b'], 'set-cookie': ['a=b'] });
      response.end('tea');
    });
    const headers = { 'x-purpose': 'test' };
    const answer = await askOwn(open(), { method: 'POST', body: 'grüße', headers });
    expect(answer).toMatchObject({ kind: 'answered', status: 418, headers: { 'x-one': 'a, b' } });
    expect(answer.kind === 'answered' && [answer.body.toString(), Object.keys(answer.headers)]).toEqual([
      'tea',
      expect.not.arrayContaining(['set-cookie']),
    ]);
    const { method, url, body, headers: sent } = receiver.received.at(-1) ?? {};
    expect([method, url, body]).toEqual(['POST', '/hook?a=b', 'grüße']);
    expect(Object.keys(sent ?? {}).sort()).toEqual(
      ['accept-encoding', 'connection', 'content-length', 'host', 'user-agent', 'x-purpose'].sort(),
    );
    expect(sent).toMatchObject({ 'accept-encoding': 'identity', host: `127.0.0.1:${receiver.port}` });
    expect(seen).toMatchObject([{ purpose: 'registration_hook', outcome: 'answered' }]);
  });

  it('is a redirect as it is: nobody follows it', async () => {
    const before = receiver.received.length;
    receiver.react((response) => {
      response.writeHead(307, { location: '/elsewhere' });
      response.end();
    });
    expect(await askOwn(open())).toMatchObject({ status: 307, headers: { location: '/elsewhere' } });
    expect(receiver.received.length).toBe(before + 1);
  });

  it('is read as JSON only when it says so and is', async () => {
    const request = asking(`http://127.0.0.1:${receiver.port}/`, { policy: { allowPrivate: true } });
    expect(await open().askJson(request)).toMatchObject({ status: 200, json: { ok: true } });
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
      expect(await open().askJson(request)).toEqual(expect.objectContaining({ kind: 'answered', json: value }));
    }
  });

  it('comes over a connection of its own each time, and past the proxies of the environment', async () => {
    const port = await startRaw((socket) => socket.destroy());
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) process.env[name] = `http://127.0.0.1:${port}`;
    const client = open();
    const before = receiver.connections;
    for (const _ of [1, 2]) expect((await askOwn(client)).kind).toBe('answered');
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) delete process.env[name];
    expect(receiver.connections).toBe(before + 2);
  });
});

describe('a name', () => {
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

  it('is resolved once: what a rebinding name says afterwards is never asked', async () => {
    const publicHost = await startAt(internet);
    const privateHost = await startAt('127.0.0.1', ['people.example'], publicHost.port);
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      return asked % 2 === 1 ? [internet] : ['127.0.0.1'];
    };
    const client = open({ resolve });
    const answer = await client.ask(asking(`https://people.example:${publicHost.port}/`));
    expect([answer.kind, asked]).toEqual(['answered', 1]);
    const again = await client.ask(asking(`https://people.example:${publicHost.port}/`));
    expect(again).toEqual({ kind: 'refused', reason: 'address_not_allowed' });
    expect([publicHost.received.length, privateHost.connections]).toEqual([1, 0]);
    expect(publicHost.received[0]).toMatchObject({ serverName: 'people.example' });
    expect(publicHost.received[0]?.headers.host).toBe(`people.example:${publicHost.port}`);
  });

  it('in Unicode is asked for as A-labels', async () => {
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return [];
    };
    expect(await open({ resolve }).ask(asking('https://bücher.example/'))).toMatchObject({ reason: 'unresolved' });
    expect(asked).toEqual(['xn--bcher-kva.example']);
  });

  it('that has no address, or whose look-up fails, fails; the hosts file is read', async () => {
    const failing = open({ resolve: () => Promise.reject(new Error('SERVFAIL')) });
    expect(await failing.ask(asking('https://people.example/'))).toEqual({ kind: 'failed', reason: 'unresolved' });
    const real = new Outbound(options());
    const url = `http://localhost:${receiver.port}/`;
    expect((await real.ask(asking(url, { policy: { allowPrivate: true } }))).kind).toBe('answered');
  });

  it('with several addresses is asked at one that answers', async () => {
    const host = await startAt(internet);
    const client = open({ isGlobal: (address) => address !== '127.0.0.1', resolve: async () => ['::1', internet] });
    expect((await client.ask(asking(`https://people.example:${host.port}/`))).kind).toBe('answered');
  });

  it.each([
    ['for another name', makeCertificate(['other.example']), undefined],
    ['that nobody we trust signed', makeCertificate(['people.example']), certificate.cert],
    ['that has expired', makeCertificate(['people.example'], { lastYear: 2021 }), undefined],
  ])('with a certificate %s is not trusted, whatever the environment says', async (_, tls, authority) => {
    const host = await startReceiver({ host: internet, tls });
    hosts.push(host);
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    const client = open({ certificateAuthority: authority ?? tls.cert });
    const answer = await client.ask(asking(`https://people.example:${host.port}/`));
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    expect(answer).toEqual({ kind: 'failed', reason: 'untrusted' });
    expect(host.received).toEqual([]);
  });

  it('of a server without TLS is not trusted', async () => {
    const plain = await startReceiver({ host: internet });
    hosts.push(plain);
    const answer = await open().ask(asking(`https://people.example:${plain.port}/`));
    expect(answer).toEqual({ kind: 'failed', reason: 'untrusted' });
  });
});

describe('what fails', () => {
  it.each([
    ['too_large', 'a body beyond the cap, announced', 'HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n'],
    ['too_large', 'a body beyond the cap', `HTTP/1.1 200 OK\r\n\r\n${'a'.repeat(101)}`],
    ['malformed', 'a header bomb', `HTTP/1.1 200 OK\r\n${'x-name: value\r\n'.repeat(3000)}`],
    ['malformed', 'a header line without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`],
    ['malformed', 'what is not HTTP', '220 mail.people.example ESMTP\r\n'],
    ['malformed', 'two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    ['encoded', 'a compressed body', 'HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\na'],
    ['broken', 'another protocol', 'HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'],
  ])('%s: %s', async (reason, _, bytes) => {
    expect(await sendRaw(bytes, { maxBodyBytes: 100 })).toEqual({ kind: 'failed', reason });
    expect(seen).toMatchObject([{ outcome: reason }]);
  });

  it('encoded: a decompression bomb costs its compressed bytes at most', async () => {
    receiver.react((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(Buffer.alloc(10_000_000)));
    });
    expect(await askOwn(open())).toEqual({ kind: 'failed', reason: 'encoded' });
  });

  it('broken: a connection cut before or within the answer', async () => {
    for (const start of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc']) {
      const port = await startRaw((socket) => socket.end(start));
      const answer = await askOwn(open(), { url: `http://127.0.0.1:${port}/` });
      expect(answer).toEqual({ kind: 'failed', reason: 'broken' });
    }
  });

  it('timeout: silence, a body in drops, endless provisional answers, a name that is never resolved', async () => {
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
      const answer = await askOwn(open(), { url: `http://127.0.0.1:${port}/`, timeoutMs });
      expect(answer).toEqual({ kind: 'failed', reason: 'timeout' });
    }
    const client = open({ resolve: () => Promise.withResolvers<string[]>().promise });
    const unresolved = await client.ask(asking('https://people.example/', { timeoutMs }));
    expect(unresolved).toEqual({ kind: 'failed', reason: 'timeout' });
    for (const { milliseconds } of seen) expect(milliseconds).toBeLessThan(timeoutMs + 1000);
  });

  it('unreachable after a second try; what was sent is never sent again', async () => {
    let looked = 0;
    const gone = await startReceiver();
    await gone.stop();
    const resolve = async () => {
      looked += 1;
      return ['127.0.0.1'];
    };
    const url = `http://people.example:${gone.port}/`;
    const answer = await askOwn(open({ resolve }), { url });
    expect([answer, looked]).toEqual([{ kind: 'failed', reason: 'unreachable' }, 2]);
    const before = receiver.received.length;
    receiver.react((response) => void response.socket?.destroy());
    expect(await askOwn(open())).toEqual({ kind: 'failed', reason: 'broken' });
    expect(receiver.received.length).toBe(before + 1);
  });
});

describe('a service in trouble', () => {
  it('is left alone after five failures in a row, and asked by one when the time is over', async () => {
    const client = open({ openSeconds: 0.2 });
    receiver.react(json({}, 503));
    for (const _ of [1, 2, 3, 4, 5]) expect(await askOwn(client)).toMatchObject({ status: 503 });
    const before = receiver.received.length;
    expect(await askOwn(client)).toEqual({ kind: 'failed', reason: 'circuit_open' });
    expect(receiver.received.length).toBe(before);
    receiver.react(json({}));
    const isBack = async () => (await askOwn(client)).kind === 'answered';
    await eventually(isBack, { what: 'the circuit is closed again' });
  });

  it('does not concern another service, and refusals of ours do not concern it', async () => {
    const client = open();
    receiver.react(json({}, 500));
    for (const _ of [1, 2, 3, 4, 5]) await askOwn(client);
    const other = await startReceiver();
    onTestFinished(() => other.stop());
    expect((await askOwn(client, { url: `http://127.0.0.1:${other.port}/` })).kind).toBe('answered');
  });

  it('holds a limited number of our requests, and the rest fail at once', async () => {
    const client = open({ concurrency: { total: 3, perDestination: 2 } });
    const waiting: (() => void)[] = [];
    receiver.react((response) => void waiting.push(() => response.end('{}')));
    const first = [askOwn(client), askOwn(client)];
    await eventually(() => waiting.length === 2, { what: 'two are under way' });
    expect(await askOwn(client)).toEqual({ kind: 'failed', reason: 'overloaded' });
    for (const answer of waiting) answer();
    for (const answer of await Promise.all(first)) expect(answer.kind).toBe('answered');
    receiver.react(json({}));
    expect((await askOwn(client)).kind).toBe('answered');
  });
});
