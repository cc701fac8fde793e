/** What every part of the transport shares; made once by `buildServer`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Logger, Metrics } from '#platform/telemetry/index.ts';
import type { Presented } from './admission.ts';
import type { ParseJson } from './body.ts';
import { type Cookies, cookiesFor, type OwnCookies } from './cookies.ts';
import type { Caller, Endpoint, Principal } from './endpoint.ts';
import { Exchanges } from './exchange.ts';
import { baseHeaders, type HeaderPolicy, type Headers, pageHeaders } from './headers.ts';
import { problemContentType, problemDocument, problemHeaders, problemPage } from './problem-answer.ts';

/** The gate: whose live session this is. */
export type Authenticate = (presented: Presented, caller: Caller) => Promise<Principal | undefined>;

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

export const defaultLimits: Limits = {
  bodyBytes: 16 * 1024,
  headerBytes: 16 * 1024,
  targetLength: 4096,
  requestTimeoutMs: 15_000,
  keepAliveMs: 65_000,
};

export interface ServerOptions {
  readonly endpoints: readonly Endpoint[];
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The origin that browsers see; never built from `Host` (DESIGN §5.7). */
  readonly publicUrl: URL;
  readonly production: boolean;
  readonly clock: Clock;
  readonly parseJson: ParseJson;
  readonly resolveClientAddress: (hops: {
    readonly socketAddress: string;
    readonly forwardedFor: string | undefined;
  }) => string;
  readonly makeRequestId: () => string;
  readonly limits?: Partial<Limits>;
  /** Turns an error of another module (the database's) into a refusal; undefined means a bug. */
  readonly toProblem?: (error: unknown) => Problem | undefined;
}

/** Shared parts, and the ways to end an exchange. */
export class Transport {
  readonly options: ServerOptions;
  readonly limits: Limits;
  readonly cookies: Cookies;
  readonly publicOrigin: string;
  readonly headerPolicy: HeaderPolicy;
  readonly exchanges: Exchanges;
  /** While true every answer closes its connection. */
  draining = false;
  readonly #problemHeaders: Headers;

  constructor(options: ServerOptions) {
    this.options = options;
    this.limits = { ...defaultLimits, ...options.limits };
    this.cookies = cookiesFor(options.publicUrl);
    this.publicOrigin = options.publicUrl.origin;
    this.headerPolicy = {
      strictTransportSecurity: options.production && options.publicUrl.protocol === 'https:',
    };
    this.exchanges = new Exchanges(options);
    this.#problemHeaders = baseHeaders(this.headerPolicy);
  }

  /** Our cookies of a request; throws `malformed_request` when one stands there twice. */
  cookiesOf(request: FastifyRequest): OwnCookies {
    return this.cookies.read(request.raw.headers.cookie);
  }

  /** The caller's surroundings. */
  callerOf(request: FastifyRequest, cookies: OwnCookies): Caller {
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
    };
  }

  /** Sets the status and the headers of an answer. */
  open(request: FastifyRequest, reply: FastifyReply, status: number, headers: Headers): FastifyReply {
    reply.code(status).headers(headers).header('x-request-id', request.id);
    return this.draining ? reply.header('connection', 'close') : reply;
  }

  /** Answers with whatever was thrown; what is not a refusal is a bug of ours: 500, its detail in the log only. */
  refuse(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
    const problem = this.#problemOf(thrown);
    const exchange = this.exchanges.of(request);
    exchange.problem = problem.code;
    exchange.detail = problem.log;
    exchange.error = problem.status >= 500 ? (problem.cause ?? undefined) : undefined;
    const { publicOrigin, options } = this;
    const document = problemDocument(problem, { publicOrigin, requestId: request.id, now: options.clock.now() });
    this.open(request, reply, problem.status, this.#problemHeaders).headers(problemHeaders(problem));
    if (exchange.route.kind === 'page') return reply.headers(pageHeaders).send(problemPage(document).toString());
    return reply.header('content-type', problemContentType).send(JSON.stringify(document));
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
