/** Sockets: where the server listens, how it rejects bytes that are not HTTP, and how it closes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { dataHeaders } from './headers.ts';
import { problemContentType, problemDocument } from './problem-response.ts';
import type { Responder } from './responder.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenOptions {
  readonly hosts: readonly string[];
  /** 0 takes a free one. */
  readonly port: number;
  /** The settings of hosts and port, for the sentence of a failure; those of the public listener if absent. */
  readonly settings?: { readonly hosts: string; readonly port: string };
  /** Several processes may listen on the port; the kernel distributes the connections (SO_REUSEPORT). */
  readonly reusePort?: boolean;
}

/** The message is one sentence for the operator. */
export class ListenFailed extends Error {
  override name = 'ListenFailed';
}

type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** The `node:http` servers of one list of endpoints: one for each host, all with the same port. */
export class Listeners {
  readonly #responder: Responder;
  readonly #route: Route;
  readonly #servers: Server[] = [];
  #closed: Promise<void> | undefined;

  constructor(responder: Responder, route: Route) {
    this.#responder = responder;
    this.#route = route;
  }

  /** Listens on all hosts, or on none when one of them fails. */
  async listen(options: ListenOptions): Promise<ListenAddress[]> {
    const addresses: ListenAddress[] = [];
    try {
      for (const host of options.hosts) {
        const port = addresses[0]?.port ?? options.port;
        const address = await this.#open(host, port, addresses.length > 0, options);
        if (address !== undefined) addresses.push(address);
      }
    } catch (error) {
      await this.close(0);
      throw error;
    }
    return addresses;
  }

  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#drain(graceMs);
    return this.#closed;
  }

  async #drain(graceMs: number): Promise<void> {
    // `close` also ends idle connections; the others end with their response, which has `Connection: close`.
    const closing = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const cut = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, graceMs);
    await Promise.all(closing);
    clearTimeout(cut);
  }

  #open(host: string, port: number, optional: boolean, options: ListenOptions): Promise<ListenAddress | undefined> {
    const server = this.#create();
    return new Promise((resolve, reject) => {
      server.on('error', (error: NodeJS.ErrnoException) => {
        // An error of `accept`, such as EMFILE; the listener stays open.
        if (server.listening) this.#responder.options.logger.error('a connection could not be accepted', { error });
        // A machine without IPv6 has no ::1; only the first host is required.
        else if (optional && (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')) resolve(undefined);
        else
          reject(
            new ListenFailed(sentenceFor(error, host, port, options.settings ?? publicSettings), { cause: error }),
          );
      });
      // Without `ipv6Only`, `::` also takes the port of 0.0.0.0.
      const ipv6Only = options.hosts.length > 1;
      server.listen({ host, port, ipv6Only, reusePort: options.reusePort === true, exclusive: false }, () => {
        this.#servers.push(server);
        const address = server.address();
        resolve({ host, port: typeof address === 'object' && address !== null ? address.port : port });
      });
    });
  }

  #create(): Server {
    const { limits } = this.#responder;
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        requestTimeout: limits.requestTimeoutMs,
        headersTimeout: limits.requestTimeoutMs,
        connectionsCheckingInterval: Math.min(1000, limits.requestTimeoutMs),
        keepAliveTimeout: limits.keepAliveMs,
        // `headProblem` requires Host, with a problem document; Node's own response has no body.
        requireHostHeader: false,
        insecureHTTPParser: false,
        // A request without a body gets a stream that has ended; `readBytes` expects it.
        optimizeEmptyRequests: true,
      },
      (request, response) => {
        responses.set(request.socket, response);
        this.#route(request, response);
      },
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refuseSocket(codeFor(error.code), socket as Socket);
    });
    server.on('connect', (_request, socket) => this.#refuseSocket('method_not_allowed', socket as Socket));
    server.on('checkExpectation', (_request, response) => this.#refuse('expectation_failed', response));
    return server;
  }

  #document(code: ProblemCode): { status: number; headers: Record<string, string>; body: string } {
    const { publicOrigin, options } = this.#responder;
    const requestId = options.makeRequestId();
    const { clock, production } = options;
    const document = problemDocument(new Problem(code), { publicOrigin, requestId, now: clock.now(), production });
    options.logger.info('request', { requestId, status: document.status, problem: code, route: 'unmatched' });
    this.#responder.exchanges.countUnparsed(document.status);
    const body = JSON.stringify(document);
    const headers = {
      ...dataHeaders(this.#responder.headerPolicy),
      'content-type': problemContentType,
      'content-length': String(Buffer.byteLength(body)),
      'x-request-id': requestId,
      connection: 'close',
      ...(code === 'method_not_allowed' && { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' }),
    };
    return { status: document.status, headers, body };
  }

  #refuse(code: ProblemCode, response: ServerResponse): void {
    const { status, headers, body } = this.#document(code);
    response.writeHead(status, headers).end(body);
  }

  /** Responds on a socket whose bytes are no request (RFC 9112 §2.2), unless a response is already being written. */
  #refuseSocket(code: ProblemCode, socket: Socket): void {
    if (refused.has(socket)) return;
    refused.add(socket);
    const current = responses.get(socket);
    if (!socket.writable || (current?.headersSent === true && !current.writableFinished)) {
      socket.destroy();
      return;
    }
    const { status, headers, body } = this.#document(code);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    socket.end(`HTTP/1.1 ${status} ${reasons[status] ?? 'Bad Request'}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    // Closing at once resets the connection of a client that still sends, and it would lose the response.
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }
}

const lingerMs = 1000;
const refused = new WeakSet<Socket>();
/** The newest response of each connection. */
const responses = new WeakMap<Socket, ServerResponse>();

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};

function codeFor(code: string | undefined): ProblemCode {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'header_fields_too_large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request_timeout';
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 'body_too_large';
    default:
      return 'malformed_request';
  }
}

const publicSettings = { hosts: 'LATCHKEY_HOST', port: 'LATCHKEY_PORT' };

function sentenceFor(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  settings: NonNullable<ListenOptions['settings']>,
): string {
  const other = `or set ${settings.port} to another port.`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is already in use. Stop the program that uses it, ${other}`;
    case 'EACCES':
      return `Port ${port} on ${host} may not be used by this user. Run as a user who may, ${other}`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
      return `Cannot listen on port ${port} of ${host}, which is not an address of this machine. Set ${settings.hosts}.`;
    case 'ENOTSUP':
      return `This operating system cannot share port ${port} between processes. Start without --processes.`;
    default:
      return `Cannot listen on port ${port} of ${host} (${error.code ?? error.message}). Check ${settings.hosts} and ${settings.port}.`;
  }
}
