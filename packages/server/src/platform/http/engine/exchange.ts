/** A request and its response as one log line and one observation of the metrics, by the route's pattern and never by path. */
import type { FastifyRequest } from 'fastify';
import type { Clock } from '#kernel/clock.ts';
import {
  type LogFields,
  type Logger,
  type Metrics,
  parseTraceparent,
  type RouteMetrics,
  type Span,
  type Tracer,
} from '#platform/telemetry/index.ts';
import type { Endpoint } from '../endpoint.ts';

/** Shared by all requests of one route. */
export interface RouteRecord {
  readonly kind: Endpoint['kind'] | 'unmatched';
  readonly metrics: RouteMetrics;
  readonly logger: Logger;
  readonly rateLimit: Endpoint['rateLimit'];
  /** Undefined where requests are never traced. */
  readonly traced: { readonly operation: string; readonly method: string; readonly pattern: string } | undefined;
  /** Probes and documents log a success at `debug` only: a probe each second would drown the other lines. */
  readonly quiet: boolean;
}

/** Collected between a request and its response. */
export interface Exchange {
  readonly route: RouteRecord;
  readonly startedMs: number;
  /** Undefined when the request is not traced. */
  readonly span: Span | undefined;
  hasEnded: boolean;
  problem: string | undefined;
  detail: string | undefined;
  error: unknown;
  /** Names and values of the rate-limit headers, in turn. */
  limitHeaders: readonly string[];
  /** The query that the page of a problem keeps. */
  ownQuery: Readonly<Record<string, string>>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until a hook begins it. */
    exchange: Exchange | null;
  }
}

const noHeaders: readonly string[] = [];

const proxyRequestIdForm = /^[A-Za-z0-9][A-Za-z0-9_-]{7,63}$/;

/** Logs and measures each exchange once. */
export class Exchanges {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #isTrustedPeer: (socketAddress: string) => boolean;
  readonly #tracer: Tracer | undefined;
  readonly #unmatched = new Map<string, RouteRecord>();

  constructor(deps: {
    readonly logger: Logger;
    readonly metrics: Metrics;
    readonly clock: Clock;
    readonly isTrustedPeer: (socketAddress: string) => boolean;
    readonly tracer?: Tracer | undefined;
  }) {
    this.#isTrustedPeer = deps.isTrustedPeer;
    this.#logger = deps.logger;
    this.#tracer = deps.tracer;
    this.#metrics = deps.metrics;
    this.#clock = deps.clock;
  }

  /** The record of an endpoint, made once at start. */
  route(endpoint: Endpoint): RouteRecord {
    const quiet = endpoint.kind === 'document' && endpoint.rateLimit === 'none';
    return this.#record(endpoint.method, endpoint.path, endpoint, quiet);
  }

  begin(request: FastifyRequest, route: RouteRecord): Exchange {
    const exchange: Exchange = {
      route,
      startedMs: this.#clock.monotonicMs(),
      span: this.#tracer === undefined ? undefined : this.#startSpan(this.#tracer, request, route),
      hasEnded: false,
      problem: undefined,
      detail: undefined,
      error: undefined,
      limitHeaders: noHeaders,
      ownQuery: {},
    };
    request.exchange = exchange;
    route.metrics.begin();
    return exchange;
  }

  /** The exchange of a request; one without a route gets the pattern `unmatched`. */
  of(request: FastifyRequest): Exchange {
    return request.exchange ?? this.begin(request, this.#unmatchedRoute(request.method));
  }

  /** Called once, when the response is complete and not yet written. */
  end(request: FastifyRequest, status: number): void {
    const exchange = this.of(request);
    const { route } = exchange;
    if (!exchange.hasEnded) route.metrics.end();
    exchange.hasEnded = true;
    if (status === 429) this.#metrics.count('rate_limit_refusals_total', { class: route.rateLimit });
    const milliseconds = this.#clock.monotonicMs() - exchange.startedMs;
    endSpan(exchange, status);
    route.metrics.observe(status, milliseconds / 1000);
    const level = levelOf(route, status);
    if (!route.logger.writes(level)) return;
    const fields = fieldsOf(exchange, request, status, milliseconds);
    const proxyRequestId = this.#proxyRequestId(request);
    route.logger[level]('request', proxyRequestId === undefined ? fields : { ...fields, proxyRequestId });
  }

  /** Counts the response to bytes that are no request. */
  countUnparsed(status: number): void {
    this.#unmatchedRoute('OTHER').metrics.count(status);
  }

  /** The id that a trusted proxy sent, which joins its log with ours and is used for nothing else. */
  #proxyRequestId({ headers, socket }: FastifyRequest): string | undefined {
    const id = headers['x-request-id'];
    if (typeof id !== 'string' || !proxyRequestIdForm.test(id)) return undefined;
    return this.#isTrustedPeer(socket.remoteAddress ?? '') ? id : undefined;
  }

  #startSpan(tracer: Tracer, { headers, socket, id }: FastifyRequest, { traced }: RouteRecord): Span | undefined {
    if (traced === undefined) return undefined;
    const { operation, method, pattern } = traced;
    const caller = parseTraceparent(headers.traceparent as string | undefined);
    return tracer.startRequest({
      operation,
      name: `${method} ${pattern}`,
      attributes: { 'http.request.method': method, 'http.route': pattern, 'latchkey.request_id': id },
      caller,
      isTrusted: caller !== undefined && this.#isTrustedPeer(socket.remoteAddress ?? ''),
    });
  }

  #unmatchedRoute(method: string): RouteRecord {
    // A closed set: a client may send any method, and each would be a new time series.
    const label = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method) ? method : 'OTHER';
    let route = this.#unmatched.get(label);
    if (route === undefined) {
      route = this.#record(label, 'unmatched', { kind: 'unmatched', rateLimit: 'none', id: undefined }, false);
      this.#unmatched.set(label, route);
    }
    return route;
  }

  #record(
    method: string,
    pattern: string,
    { kind, rateLimit, id }: Pick<RouteRecord, 'kind' | 'rateLimit'> & { readonly id: string | undefined },
    quiet: boolean,
  ): RouteRecord {
    return {
      kind,
      rateLimit,
      traced: id === undefined || quiet ? undefined : { operation: id, method, pattern },
      metrics: this.#metrics.route(method, pattern),
      logger: this.#logger.child({ method, route: pattern }),
      quiet,
    };
  }
}

function endSpan({ span, problem }: Exchange, status: number): void {
  if (span === undefined) return;
  span.set({ 'http.response.status_code': status, ...(problem !== undefined && { 'latchkey.problem': problem }) });
  span.end(status >= 500 ? 'error' : 'ok');
}

function levelOf({ quiet }: RouteRecord, status: number): 'debug' | 'info' | 'error' {
  if (status === 500) return 'error';
  return quiet && status < 400 ? 'debug' : 'info';
}

function fieldsOf(exchange: Exchange, request: FastifyRequest, status: number, milliseconds: number): LogFields {
  const { problem, detail, error, span } = exchange;
  const fields = { status, milliseconds: Math.round(milliseconds * 1000) / 1000, requestId: request.id };
  const traceId = span?.traceId ?? parseTraceparent(request.headers.traceparent as string | undefined)?.traceId;
  if (problem === undefined && traceId === undefined) return fields;
  return {
    ...fields,
    ...(traceId !== undefined && { traceId }),
    ...(problem !== undefined && { problem }),
    ...(detail !== undefined && { detail }),
    ...(error !== undefined && { error }),
  };
}
