import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTcpForwarder, type TcpForwarder } from './tcp-forwarder.ts';
import { eventually } from './wait.ts';

let echo: Server;
let forwarder: TcpForwarder;

beforeAll(async () => {
  echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  forwarder = await startTcpForwarder((echo.address() as { port: number }).port);
});

afterAll(async () => {
  await forwarder[Symbol.asyncDispose]();
  echo.close();
});

interface Visitor {
  readonly socket: Socket;
  readonly received: () => string;
}

async function visit(): Promise<Visitor> {
  const socket = connect(forwarder.port, '127.0.0.1');
  let received = '';
  socket.on('data', (data) => {
    received += data.toString();
  });
  await once(socket, 'connect');
  return { socket, received: () => received };
}

describe('startTcpForwarder', () => {
  it('passes bytes in their order and the end after them', async () => {
    const { socket, received } = await visit();
    for (let index = 0; index < 100; index += 1) socket.write(`${index} `);
    socket.end();
    await once(socket, 'end');
    expect(received()).toBe(Array.from({ length: 100 }, (_, index) => `${index} `).join(''));
  });

  it('holds bytes back, also those of new connections, until it resumes', async () => {
    const before = await visit();
    forwarder.hold();
    const after = await visit();
    before.socket.write('one');
    after.socket.write('two');
    await eventually(() => before.socket.bytesWritten + after.socket.bytesWritten === 6, { what: 'all is sent' });
    expect([before.received(), after.received()]).toEqual(['', '']);
    forwarder.resume();
    await eventually(() => before.received() === 'one' && after.received() === 'two', { what: 'all has arrived' });
    for (const { socket } of [before, after]) socket.destroy();
  });

  it('delays each response by the same time, and delivers at once when it resumes', async () => {
    const { socket, received } = await visit();
    forwarder.delay(150);
    const sentMs = performance.now();
    socket.write('one');
    await eventually(() => received() === 'one', { what: 'the delayed bytes arrive' });
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(149);
    forwarder.delay(60_000);
    socket.write('two');
    forwarder.resume();
    await eventually(() => received() === 'onetwo', { what: 'the rest arrives' });
    socket.destroy();
  });

  it('resets open connections, and accepts new ones', async () => {
    const { socket } = await visit();
    const failed = once(socket, 'error');
    forwarder.reset();
    await expect(failed).resolves.toMatchObject([{ code: 'ECONNRESET' }]);
    const next = await visit();
    next.socket.write('again');
    await eventually(() => next.received() === 'again', { what: 'the echo arrives' });
    next.socket.destroy();
  });
});
