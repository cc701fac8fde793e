/** A stretch of network before PostgreSQL that breaks exactly before, or exactly after, the n-th statement sent over it. */
import { once } from 'node:events';
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { cutFrames, type Frame, type Frames } from './frames.ts';
import { Fuse } from './fuse.ts';

/** A way to PostgreSQL with a fuse in it: the connection on which it blows is gone, the others stay. */
export interface BreakingLine extends AsyncDisposable {
  /** Connection string that leads through it. */
  readonly url: string;
  readonly fuse: Fuse;
}

/** Opens the way to `url`. */
export async function openBreakingLine(url: string): Promise<BreakingLine> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const fuse = new Fuse();
  const server = createServer((client) => {
    const upstream = connectTo(Number(target.port), target.hostname);
    join(client, upstream, fuse);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as { port: number }).port);
  return {
    url: through.href,
    fuse,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Statements end with Sync in the extended protocol and are a Query in the simple one; each is answered by a Z. */
const endsStatement = new Set(['S', 'Q']);
const readyForQuery = 'Z';

/** The text of a Query: between its head and a zero byte. */
function textOf({ type, bytes }: Frame): string | undefined {
  return type === 'Q' ? bytes.toString('utf8', 5, bytes.length - 1) : undefined;
}

function join(client: Socket, upstream: Socket, fuse: Fuse): void {
  const cut = () => {
    client.destroy();
    upstream.destroy();
  };
  for (const socket of [client, upstream]) {
    // Many small messages: each would wait for the one before it to be acknowledged.
    socket.setNoDelay(true);
    // The end of one side is told by `close`, with or without an error before it.
    socket.on('error', () => undefined);
    socket.on('close', cut);
  }
  let sent = 0;
  // The server says Z once before the first statement, when it has let the client in.
  let answered = -1;
  let cutAfter = Number.POSITIVE_INFINITY;
  const toServer: Frames = { rest: Buffer.alloc(0), hasTypes: false };
  const toClient: Frames = { rest: Buffer.alloc(0), hasTypes: true };
  client.on('data', (data) => {
    for (const frame of cutFrames(toServer, data)) {
      if (endsStatement.has(frame.type)) {
        const moment = fuse.pass(textOf(frame));
        if (moment === 'before') return cut();
        sent += 1;
        if (moment === 'after') cutAfter = sent;
      }
      upstream.write(frame.bytes);
    }
  });
  upstream.on('data', (data) => {
    for (const { type, bytes } of cutFrames(toClient, data)) {
      if (type === readyForQuery) answered += 1;
      if (answered >= cutAfter) return cut();
      client.write(bytes);
    }
  });
}
