/** An HTTP server for tests of outbound requests; tests choose how it responds. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestCertificate } from './certificates.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly bytes: Buffer;
  /** The server name that TLS requested (SNI). */
  readonly serverName: string | undefined;
}

/** Writes a response, or none, or destroys `response.socket`. */
export type Reaction = (response: ServerResponse, request: ReceivedRequest) => void;

export interface HttpReceiver {
  readonly port: number;
  readonly received: readonly ReceivedRequest[];
  /** Connections accepted so far. */
  readonly connections: number;
  react(reaction: Reaction): void;
  stop(): Promise<void>;
}

/** Responds with JSON. */
export function json(value: unknown, status = 200): Reaction {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
}

/** Starts a server that responds `{}` until `react` is called; the port is free unless given. */
export async function startReceiver(
  options: { readonly host?: string; readonly port?: number; readonly tls?: TestCertificate } = {},
): Promise<HttpReceiver> {
  const { host = '127.0.0.1', port = 0, tls } = options;
  const received: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  let reaction = json({});
  let connections = 0;
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    read(request).then(
      (whole) => {
        received.push(whole);
        reaction(response, whole);
      },
      // The client cut the request off.
      () => undefined,
    );
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    get connections() {
      return connections;
    },
    react: (next) => {
      reaction = next;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      const { promise, resolve } = Promise.withResolvers<unknown>();
      server.close(resolve);
      await promise;
    },
  };
}

async function read(request: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = '', url = '', headers, socket } = request;
  const serverName = 'servername' in socket ? String(socket.servername) : undefined;
  const bytes = Buffer.concat(chunks);
  return { method, url, headers, body: bytes.toString('utf8'), bytes, serverName };
}
