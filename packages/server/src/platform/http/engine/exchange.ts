/** One request and its answer as the log and the metrics see them: the route's pattern, never the path. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#kernel/clock.ts';
import { type Logger, type Metrics, type RouteMetrics, readTraceId } from '#platform/telemetry/index.ts';
import type { Endpoint } from '../endpoint.ts';

/** What is needed of a request: the engine's own has it, and so has one that went past the engine (`direct.ts`). */
export interface IncomingRequest {
  readonly id: string;
  readonly raw: IncomingMessage;
  readonly method: string;
  /** As it was sent, without the question mark. */
  readonly query: unknown;
  readonly params: unknown;
  /** The bytes of the body, if one was read. */
  readonly body?: unknown;
  /** Null only before the first hook. */
  exchange: Exchange | null;
}

/** What is needed of its answer. */
export interface Reply {
  readonly raw: ServerResponse;
  /** Tells the engine that the answer is none of its business. */
  hijack(): unknown;
}

/** What is fixed for all requests of one route. */
export interface RouteRecord {
  readonly kind: Endpoint['kind'];
  readonly metrics: RouteMetrics;
  readonly logger: Logger;
  /** Probes and documents: a success is logged at `debug` only, since a probe each second would drown the rest. */
  readonly quiet: boolean;
}

/** What is collected while one request is answered. */
export interface Exchange {
  readonly route: RouteRecord;
  readonly startedMs: number;
  problem: string | undefined;
  detail: string | undefined;
  error: unknown;
  /** What the caller is told of the limits, as the wire has it. */
  limits: readonly string[] | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null only before the first hook. */
    exchange: Exchange | null;
  }
}

/** Writes one line and one observation for each answer. */
export class Exchanges {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #unmatched = new Map<string, RouteRecord>();

  constructor(deps: { readonly logger: Logger; readonly metrics: Metrics; readonly clock: Clock }) {
    this.#logger = deps.logger;
    this.#metrics = deps.metrics;
    this.#clock = deps.clock;
  }

  /** The record of an endpoint, made once at start. */
  route(endpoint: Endpoint): RouteRecord {
    const quiet = endpoint.kind === 'document' && endpoint.rateLimit === 'none';
    return this.#record(endpoint.method, endpoint.path, endpoint.kind, quiet);
  }

  /** Begins the exchange of a request. */
  begin(request: IncomingRequest, route: RouteRecord): void {
    const startedMs = this.#clock.monotonicMs();
    request.exchange = { route, startedMs, problem: undefined, detail: undefined, error: undefined, limits: undefined };
  }

  /** The exchange of a request; one that met no route gets the pattern `unmatched`. */
  of(request: IncomingRequest): Exchange {
    if (request.exchange === null) this.begin(request, this.#unmatchedRoute(request.method));
    return request.exchange as Exchange;
  }

  /** Called once, when the answer is written. */
  end(request: IncomingRequest, status: number): void {
    const exchange = this.of(request);
    const milliseconds = this.#clock.monotonicMs() - exchange.startedMs;
    exchange.route.metrics.observe(status, milliseconds / 1000);
    const logger = exchange.route.logger;
    if (status < 400 && exchange.route.quiet) {
      if (logger.writes('debug')) logger.debug('request', fieldsOf(exchange, request, status, milliseconds));
      return;
    }
    if (exchange.problem === undefined && request.raw.headers.traceparent === undefined) {
      logger.request({ status, milliseconds: rounded(milliseconds), requestId: request.id });
      return;
    }
    const fields = fieldsOf(exchange, request, status, milliseconds);
    if (status === 500) logger.error('request', fields);
    else logger.info('request', fields);
  }

  #unmatchedRoute(method: string): RouteRecord {
    // A closed set: a client may send any method, and each would be a new time series.
    const label = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method) ? method : 'OTHER';
    let route = this.#unmatched.get(label);
    if (route === undefined) {
      route = this.#record(label, 'unmatched', 'api', false);
      this.#unmatched.set(label, route);
    }
    return route;
  }

  #record(method: string, pattern: string, kind: Endpoint['kind'], quiet: boolean): RouteRecord {
    return {
      kind,
      metrics: this.#metrics.route(method, pattern),
      logger: this.#logger.child({ method, route: pattern }),
      quiet,
    };
  }
}

function fieldsOf(exchange: Exchange, request: IncomingRequest, status: number, milliseconds: number) {
  const traceId = readTraceId(request.raw.headers.traceparent as string | undefined);
  return {
    status,
    milliseconds: rounded(milliseconds),
    requestId: request.id,
    ...(traceId !== undefined && { traceId }),
    ...(exchange.problem !== undefined && { problem: exchange.problem }),
    ...(exchange.detail !== undefined && { detail: exchange.detail }),
    ...(exchange.error !== undefined && { error: exchange.error }),
  };
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
