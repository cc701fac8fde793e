/** Sockets: where we listen, what is said to those who do not speak HTTP, and how we stop. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { dataHeaders } from './headers.ts';
import { problemContentType, problemDocument } from './problem-response.ts';
import type { Responder } from './responder.ts';

/** Where one listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Why we cannot listen, in one sentence for the operator. */
export class ListenFailed extends Error {
  override name = 'ListenFailed';
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** The sockets of one server: one for each host, all with the same port. */
export class Listeners {
  readonly #transport: Responder;
  readonly #answer: Answer;
  readonly #servers: Server[] = [];
  #closed: Promise<void> | undefined;

  constructor(transport: Responder, answer: Answer) {
    this.#transport = transport;
    this.#answer = answer;
  }

  async listen(options: { readonly hosts: readonly string[]; readonly port: number }): Promise<ListenAddress[]> {
    const addresses: ListenAddress[] = [];
    for (const host of options.hosts) {
      const port = addresses[0]?.port ?? options.port;
      const address = await this.#open(host, port, addresses.length > 0);
      if (address !== undefined) addresses.push(address);
    }
    return addresses;
  }

  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#drain(graceMs);
    return this.#closed;
  }

  async #drain(graceMs: number): Promise<void> {
    // `close` also ends connections that are idle now; the others end with their answer, which says `Connection: close`.
    const closing = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const cut = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, graceMs);
    await Promise.all(closing);
    clearTimeout(cut);
  }

  #open(host: string, port: number, optional: boolean): Promise<ListenAddress | undefined> {
    const server = this.#create();
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        // A machine without IPv6 has no ::1; the first host is the one that must be there.
        if (optional && (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')) resolve(undefined);
        else reject(new ListenFailed(sentenceFor(error, host, port), { cause: error }));
      });
      server.listen({ host, port, exclusive: false }, () => {
        this.#servers.push(server);
        const address = server.address();
        resolve({ host, port: typeof address === 'object' && address !== null ? address.port : port });
      });
    });
  }

  #create(): Server {
    const { limits } = this.#transport;
    const server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        requestTimeout: limits.requestTimeoutMs,
        headersTimeout: limits.requestTimeoutMs,
        connectionsCheckingInterval: Math.min(1000, limits.requestTimeoutMs),
        keepAliveTimeout: limits.keepAliveMs,
        // We ask for Host ourselves: Node's own refusal has no body.
        requireHostHeader: false,
        insecureHTTPParser: false,
        // Saves 0.7 µs of a probe's 12: no stream is made ready for a body that cannot come. `readBytes` knows.
        optimizeEmptyRequests: true,
      },
      this.#answer,
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refuseRaw(codeFor(error.code), socket as Socket);
    });
    server.on('connect', (_request, socket) => this.#refuseRaw('method_not_allowed', socket as Socket));
    server.on('checkExpectation', (_request, response) => this.#refuse('expectation_failed', response));
    return server;
  }

  #document(code: ProblemCode): { status: number; headers: Record<string, string>; body: string } {
    const { publicOrigin, options } = this.#transport;
    const requestId = options.makeRequestId();
    const document = problemDocument(new Problem(code), { publicOrigin, requestId, now: options.clock.now() });
    options.logger.info('request', { requestId, status: document.status, problem: code, route: 'unmatched' });
    const body = JSON.stringify(document);
    const headers = {
      ...dataHeaders(this.#transport.headerPolicy),
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

  /** Answers on a socket whose bytes are no request (RFC 9112 §2.2), unless an answer is already on its way. */
  #refuseRaw(code: ProblemCode, socket: Socket): void {
    if (answered.has(socket)) return;
    answered.add(socket);
    const current = (socket as { _httpMessage?: ServerResponse })._httpMessage;
    if (!socket.writable || current?.headersSent === true) {
      socket.destroy();
      return;
    }
    const { status, headers, body } = this.#document(code);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    socket.end(`HTTP/1.1 ${status} ${reasons[status] ?? 'Bad Request'}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    // Closing at once on a client that still sends makes its system drop our answer; it gets a moment to read it.
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }
}

const lingerMs = 1000;
const answered = new WeakSet<Socket>();

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

function sentenceFor(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is already in use.`;
    case 'EACCES':
      return `Port ${port} on ${host} may not be used by this user.`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine.`;
    default:
      return `Cannot listen on port ${port} of ${host} (${error.code ?? error.message}).`;
  }
}
