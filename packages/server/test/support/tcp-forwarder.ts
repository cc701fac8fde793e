import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP forwarder like HAProxy or a service address: new connections lead to the current target. */
export interface TcpForwarder extends AsyncDisposable {
  readonly port: number;
  /** New connections lead to this port of 127.0.0.1; those that are open stay where they are. */
  forwardTo(port: number): void;
  /** From now on new connections are closed at once. */
  refuse(): void;
}

export async function startTcpForwarder(port: number): Promise<TcpForwarder> {
  const sockets = new Set<Socket>();
  let target: number | undefined = port;
  const server = createServer((client) => {
    if (target === undefined) {
      client.destroy();
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    client.pipe(upstream).pipe(client);
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
  return {
    port: (server.address() as { port: number }).port,
    forwardTo: (next) => {
      target = next;
    },
    refuse: () => {
      target = undefined;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
