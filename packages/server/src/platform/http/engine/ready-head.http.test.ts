import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { type HeaderList, headerList } from './headers.ts';
import { ReadyHeads } from './ready-head.ts';

const keepAliveMs = 65_900;
const fixed = headerList({ 'content-type': 'text/plain', 'cache-control': 'no-store' });
const heads = new ReadyHeads(keepAliveMs);
let server: Server;
let port: number;
let ready = 0;

/** Answers by Node's own head below `/node`, else by a ready one. */
beforeAll(async () => {
  server = createServer({ keepAliveTimeout: keepAliveMs }, (asked, response) => {
    const body = `you asked for ${asked.method}, ${asked.url?.slice(5)}`;
    const more: HeaderList = ['x-request-id', 'request-1', 'content-length', String(body.length)];
    const isReady = asked.url?.startsWith('/node') !== true && heads.begin(response, 201, fixed, more);
    if (isReady) ready += 1;
    else response.writeHead(201, [...fixed, ...more]);
    response.end(body, 'latin1');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Everything that comes back on one connection until `last` is in it. */
async function converse(bytes: string, last: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.end(bytes);
  let received = '';
  for await (const chunk of socket.setEncoding('latin1')) {
    received += String(chunk);
    if (received.includes(last)) break;
  }
  return received;
}

const date = /^Date: (.*)\r$/m;

it.each([
  ['GET', 'HTTP/1.1', '', 1],
  ['HEAD', 'HTTP/1.1', '', 1],
  ['GET', 'HTTP/1.1', 'Connection: close\r\n', 0],
  ['GET', 'HTTP/1.0', '', 0],
  ['GET', 'HTTP/1.0', 'Connection: keep-alive\r\n', 1],
])('says to the letter what Node would: %s %s %s', async (method, version, more, byText) => {
  const ask = (path: string) =>
    converse(`${method} ${path} ${version}\r\nHost: x\r\n${more}\r\n`, method === 'HEAD' ? '\r\n\r\n' : 'asked');
  const before = ready;
  const answer = await ask('/text');
  expect(ready - before).toBe(byText);
  expect(answer.replace(date, '')).toBe((await ask('/node')).replace(date, ''));
  expect(Math.abs(systemClock.now().getTime() - Date.parse(date.exec(answer)?.[1] ?? ''))).toBeLessThan(5_000);
});

it('keeps the order and the connection of requests that did not wait for each other', async () => {
  const asked = ['/text1', '/node2', '/text3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const received = await converse(asked.join(''), 'GET, 3');
  expect(received.match(/you asked for GET, \d/g)).toEqual([1, 2, 3].map((n) => `you asked for GET, ${n}`));
});

it('leaves any other head to Node', () => {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.shouldKeepAlive = true;
  class Observed extends ServerResponse {}
  const observed = new Observed(new IncomingMessage(new Socket()));
  observed.shouldKeepAlive = true;
  expect(heads.begin(response, 200, ['content-type', 'text/plain'], [])).toBe(false);
  expect(heads.begin(observed, 200, fixed, [])).toBe(false);
  expect([response.headersSent, observed.headersSent]).toEqual([false, false]);
  expect(heads.begin(response, 200, fixed, [])).toBe(true);
});

it('takes no header that could begin another line', () => {
  expect(() => headerList({ 'x-evil': 'a\r\nset-cookie: b' })).toThrow();
  expect(() => headerList({ 'x evil': 'a' })).toThrow();
});
