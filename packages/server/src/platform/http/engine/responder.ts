/** What every part of the transport shares; made once by `buildServer`. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Html } from '#platform/html/index.ts';
import type { Logger, Metrics } from '#platform/telemetry/index.ts';
import { announcesBody, type Presented } from '../admission/admission.ts';
import type { ParseJson } from '../admission/body.ts';
import { type Cookies, cookiesFor, type OwnCookies } from '../admission/cookies.ts';
import { corsHeaders, foreignOrigin, type Origins } from '../admission/cors.ts';
import type { Limiter } from '../admission/limits.ts';
import type { Caller, Endpoint, Principal } from '../endpoint.ts';
import { Exchanges, type IncomingRequest, type Reply } from './exchange.ts';
import { baseHeaders, dataHeaders, type HeaderList, type HeaderPolicy, headerList, pageHeaders } from './headers.ts';
import { type ProblemDocument, problemContentType, problemDocument, problemHeaders } from './problem-response.ts';
import { ReadyHeads } from './ready-head.ts';

/** The gate: whose live session this is. Nothing waits for an answer that is there at once. */
export type Authenticate = (
  presented: Presented,
  caller: Caller,
) => Principal | undefined | Promise<Principal | undefined>;

/** Bounds of one request. */
export interface Limits {
  readonly bodyBytes: number;
  /** All header fields together; beyond it the engine answers 431. */
  readonly headerBytes: number;
  readonly targetLength: number;
  /** From the first byte to the last one of the request. */
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
}

const defaultLimits: Limits = {
  bodyBytes: 16 * 1024,
  headerBytes: 16 * 1024,
  targetLength: 4096,
  requestTimeoutMs: 15_000,
  keepAliveMs: 65_000,
};

/** The HTML that the transport sends by itself. Layouts are `pages`', which `platform` may not import. */
export interface PageRenderer {
  readonly problem: (document: ProblemDocument) => Html;
  /** Stands above the fields of a form that is shown again, in the reader's language. */
  readonly formNotice: (acceptLanguage: string | undefined) => Html;
}

export interface ServerOptions {
  readonly endpoints: readonly Endpoint[];
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The origin that browsers see; never built from `Host` (invariant 7). */
  readonly publicUrl: URL;
  readonly production: boolean;
  readonly clock: Clock;
  readonly parseJson: ParseJson;
  readonly resolveClientAddress: (hops: {
    readonly socketAddress: string;
    readonly forwardedFor: string | undefined;
  }) => string;
  readonly makeRequestId: () => string;
  readonly limiter: Limiter;
  readonly pages: PageRenderer;
  /** Whether the pages of an application's origin may ask the API (CORS), by tokens. */
  readonly isListedOrigin: (origin: string) => boolean;
  readonly limits?: Partial<Limits>;
  /** Turns an error of another module (the database's) into a refusal; undefined means a bug. */
  readonly toProblem?: (error: unknown) => Problem | undefined;
}

const noLimits: HeaderList = [];

/** Shared parts, and the ways to end an exchange. */
export class Responder {
  readonly options: ServerOptions;
  readonly limits: Limits;
  readonly cookies: Cookies;
  readonly publicOrigin: string;
  readonly origins: Origins;
  readonly headerPolicy: HeaderPolicy;
  readonly exchanges: Exchanges;
  /** While true every answer closes its connection. */
  draining = false;
  readonly #heads: ReadyHeads;
  readonly #problemHeaders: HeaderList;
  readonly #pageHeaders: HeaderList;

  constructor(options: ServerOptions) {
    this.options = options;
    this.limits = { ...defaultLimits, ...options.limits };
    this.cookies = cookiesFor(options.publicUrl);
    this.publicOrigin = options.publicUrl.origin;
    this.origins = { publicOrigin: this.publicOrigin, isListed: options.isListedOrigin };
    this.headerPolicy = {
      strictTransportSecurity: options.production && options.publicUrl.protocol === 'https:',
    };
    this.exchanges = new Exchanges(options);
    this.#heads = new ReadyHeads(this.limits.keepAliveMs);
    this.#problemHeaders = headerList({ ...dataHeaders(this.headerPolicy), 'content-type': problemContentType });
    this.#pageHeaders = headerList({ ...baseHeaders(this.headerPolicy), ...pageHeaders });
  }

  /** Our cookies of a request; throws `malformed_request` when one stands there twice. */
  cookiesOf(request: IncomingRequest): OwnCookies {
    return this.cookies.read(request.raw.headers.cookie);
  }

  /** The caller's surroundings. */
  callerOf(request: IncomingRequest, cookies: OwnCookies): Caller {
    const { headers, socket } = request.raw;
    return {
      address: this.options.resolveClientAddress({
        socketAddress: socket.remoteAddress ?? '',
        forwardedFor: headers['x-forwarded-for'] as string | undefined,
      }),
      userAgent: headers['user-agent'],
      acceptLanguage: headers['accept-language'],
      requestId: request.id,
      deviceCookie: cookies.device,
      foreignOrigin: headers.origin === undefined ? undefined : foreignOrigin(headers, this.origins),
      loginCookie: cookies.login,
    };
  }

  /**
   * Writes an answer and ends its exchange. The time that is measured ends when the answer is handed to the socket.
   * It goes past the engine's reply, which would take 3 µs of a request's 11 to look for hooks and streams.
   */
  answer(request: IncomingRequest, reply: Reply, status: number, headers: HeaderList, body: string | Buffer): void {
    reply.hijack();
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const own = ['x-request-id', request.id];
    for (const part of request.exchange?.limits ?? noLimits) own.push(part);
    if (status !== 204) own.push('content-length', String(length));
    if (!this.#beginReady(request, reply.raw, status, headers, own)) {
      own.push(...this.#rareHeaders(request, status));
      reply.raw.writeHead(status, headers.concat(own));
    }
    // Of characters that are one byte each, which need no encoding.
    if (body.length === length && typeof body === 'string') reply.raw.end(body, 'latin1');
    else reply.raw.end(body);
    this.exchanges.end(request, status);
  }

  /** False, and nothing was done, where the head is none of the common ones. */
  #beginReady(
    request: IncomingRequest,
    response: ServerResponse,
    status: number,
    fixed: HeaderList,
    more: HeaderList,
  ): boolean {
    if (this.draining || status === 204 || request.raw.headers.origin !== undefined) return false;
    return this.#heads.begin(response, status, fixed, more);
  }

  #rareHeaders(request: IncomingRequest, status: number): HeaderList {
    const { headers } = request.raw;
    const isForeign = headers.origin !== undefined && request.exchange?.route.kind === 'api' && status !== 204;
    const cors = isForeign ? corsHeaders(headers, this.origins) : [];
    return this.draining ? [...cors, 'connection', 'close'] : cors;
  }

  /** Answers with whatever was thrown; what is not a refusal is a bug of ours: 500, its detail in the log only. */
  refuse(request: IncomingRequest, reply: Reply, thrown: unknown, more: HeaderList = []): void {
    const problem = this.#problemOf(thrown);
    const exchange = this.exchanges.of(request);
    exchange.problem = problem.code;
    exchange.detail = problem.log;
    exchange.error = problem.status >= 500 ? (problem.cause ?? undefined) : undefined;
    const { publicOrigin, options } = this;
    const document = problemDocument(problem, { publicOrigin, requestId: request.id, now: options.clock.now() });
    const isPage = exchange.route.kind === 'page';
    const headers = [...(isPage ? this.#pageHeaders : this.#problemHeaders), ...problemHeaders(problem), ...more];
    if (!request.raw.complete && announcesBody(request) && !this.draining) headers.push('connection', 'close');
    const body = isPage ? options.pages.problem(document).toString() : JSON.stringify(document);
    this.answer(request, reply, problem.status, headers, body);
  }

  #problemOf(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown;
    const engine = engineProblem(thrown);
    return engine ?? this.options.toProblem?.(thrown) ?? new Problem('internal', { cause: thrown });
  }
}

// The engine's own refusals, by its stable codes.
function engineProblem(thrown: unknown): Problem | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported_media_type');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body_too_large');
    case 'FST_ERR_BAD_URL':
      return new Problem('malformed_request', { log: 'the path has an invalid escape' });
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Problem('not_found');
    default:
      return undefined;
  }
}
