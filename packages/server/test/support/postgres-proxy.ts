import { once } from 'node:events';
import { connect as connectTo, createServer, type Socket } from 'node:net';

/** A TCP proxy between the product and PostgreSQL that tests can break. */
export interface PostgresProxy extends AsyncDisposable {
  /** Connection string of the proxy. */
  readonly url: string;
  /** From now on open connections transfer nothing, without an error; new connections work. */
  freeze(): void;
}

/** Starts a proxy for `url`; `rewrite` may change what the server sends. */
export async function startPostgresProxy(
  url: string,
  rewrite: (data: Buffer) => Buffer = (data) => data,
): Promise<PostgresProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let generation = 0;
  const server = createServer((client) => {
    const openedIn = generation;
    const upstream = connectTo(Number(target.port), target.hostname);
    client.on('data', (data) => openedIn === generation && upstream.write(data));
    upstream.on('data', (data) => openedIn === generation && client.write(rewrite(data)));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      // `close` follows every end of a socket, with or without an error.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as { port: number }).port);
  return {
    url: through.href,
    freeze: () => {
      generation += 1;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A pooler sends another process id than that of the backend. BackendKeyData is `K`, the length 12, id and secret. */
export function withOtherProcessId(data: Buffer): Buffer {
  const at = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
  const changed = Buffer.from(data);
  if (at >= 0) changed.writeInt32BE(changed.readInt32BE(at + 5) + 1, at + 5);
  return changed;
}
