/** A proxy for PostgreSQL that breaks the connection exactly before or after the n-th statement. */
import { once } from 'node:events';
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { FaultInjector } from './fault-injector.ts';
import { type MessageStream, splitMessages, type WireMessage } from './wire-messages.ts';

/** Only the connection on which the fault triggers is lost; the others stay. */
export interface BreakingProxy extends AsyncDisposable {
  /** Connection string of the proxy. */
  readonly url: string;
  readonly injector: FaultInjector;
}

export async function startBreakingProxy(url: string): Promise<BreakingProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const injector = new FaultInjector();
  const server = createServer((client) => {
    const upstream = connectTo(Number(target.port), target.hostname);
    relay(client, upstream, injector);
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
    injector,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * A statement ends with Sync in the extended protocol and is a Query in the simple one; both end with ReadyForQuery.
 */
const endsStatement = new Set(['S', 'Q']);
const readyForQuery = 'Z';

/** The simple queries of the product; all others prepare a session after a lost connection, at any moment. */
const transactionControl = new Set(['begin', 'commit', 'rollback']);

/** The text that starts here, without its terminating zero byte. */
function textAt({ bytes }: WireMessage, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start));
}

/** After the type and the length. */
const headBytes = 5;

/** The name of the prepared statement of a Bind message; the name of its portal comes first. */
function boundName(bind: WireMessage): string {
  return textAt(bind, bind.bytes.indexOf(0, headBytes) + 1);
}

function relay(client: Socket, upstream: Socket, injector: FaultInjector): void {
  const disconnect = () => {
    client.destroy();
    upstream.destroy();
  };
  for (const socket of [client, upstream]) {
    // Without this, each of the many small messages would wait for the acknowledgement of the previous one.
    socket.setNoDelay(true);
    // `close` follows every end of a socket, with or without an error.
    socket.on('error', () => undefined);
    socket.on('close', disconnect);
  }
  let sent = 0;
  // The first ReadyForQuery completes the authentication, before any statement.
  let completed = -1;
  let disconnectAfter = Number.POSITIVE_INFINITY;
  let bound = '';
  const toServer: MessageStream = { rest: Buffer.alloc(0), hasTypes: false };
  const toClient: MessageStream = { rest: Buffer.alloc(0), hasTypes: true };
  client.on('data', (data) => {
    for (const frame of splitMessages(toServer, data)) {
      if (frame.type === 'B') bound = boundName(frame);
      if (endsStatement.has(frame.type)) {
        const query = frame.type === 'Q' ? textAt(frame, headBytes) : bound;
        const timing = frame.type === 'Q' && !transactionControl.has(query) ? undefined : injector.next(query);
        if (timing === 'before') return disconnect();
        sent += 1;
        if (timing === 'after') disconnectAfter = sent;
      }
      upstream.write(frame.bytes);
    }
  });
  upstream.on('data', (data) => {
    for (const { type, bytes } of splitMessages(toClient, data)) {
      if (type === readyForQuery) completed += 1;
      if (completed >= disconnectAfter) return disconnect();
      client.write(bytes);
    }
  });
}
