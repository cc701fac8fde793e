/** The outbound client: limits, circuit breaker and retry around single exchanges. */
import { lookup } from 'node:dns/promises';
import {
  type BulkheadPolicy,
  BulkheadRejectedError,
  bulkhead,
  ConstantBackoff,
  handleWhenResult,
  type RetryPolicy,
  retry,
} from 'cockatiel';
import type { Clock } from '#kernel/clock.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import { Breaker } from '#platform/breaker/index.ts';
import { inSpan, type SpanAttributes } from '#platform/telemetry/index.ts';
import {
  type Destination,
  findAddresses,
  type OutboundPolicy,
  type ReadDestination,
  type Resolve,
} from './destination.ts';
import { exchange } from './exchange.ts';
import type { Failure, NoResponse, OutboundResponse, OutboundResult, Refusal } from './result.ts';

export interface OutboundRequest {
  /** The feature that sends the request, as a label in metrics and logs. */
  readonly purpose: 'registration_hook' | 'breached_passwords' | 'provider' | 'error_reports' | 'profiles';
  readonly url: string;
  readonly policy: OutboundPolicy;
  readonly method: 'GET' | 'POST';
  /** Must not contain values of the user who supplied the URL. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Total time, from the DNS look-up to the last byte of the response. */
  readonly timeoutMs: number;
  /** 65,536 by default. */
  readonly maxBodyBytes?: number;
}

/** The outcome of a request, for metrics and logs. */
export interface OutboundObservation {
  readonly purpose: OutboundRequest['purpose'];
  readonly outcome: 'answered' | Refusal | Failure;
  readonly milliseconds: number;
  /** Of a response. */
  readonly status?: number;
}

/** `json` is undefined when the body is not JSON or is not declared as JSON. */
export type JsonResult = (Omit<OutboundResponse, 'body'> & { readonly json: unknown }) | NoResponse;

type ParsedJson = { readonly kind: 'ok'; readonly value: unknown } | { readonly kind: 'invalid' };

export interface OutboundOptions {
  readonly readDestination: ReadDestination;
  readonly clock: Clock;
  readonly parseJson: (text: string) => ParsedJson;
  readonly observe: (observation: OutboundObservation) => void;
  readonly resolve?: Resolve;
  /** Concurrent requests, in total and per origin; further ones fail with `overloaded`. 256 and 64 by default. */
  readonly concurrency?: { readonly total: number; readonly perDestination: number };
  /** How long a circuit stays open after five consecutive failures of an origin; 10 by default. */
  readonly openSeconds?: number;
  /** PEM certificate of an authority that is trusted in addition to Node's. */
  readonly certificateAuthority?: string;
}

interface Guards {
  readonly purpose: OutboundRequest['purpose'];
  readonly slots: BulkheadPolicy;
  readonly breaker: Breaker<OutboundResult>;
}

/** Breakers are kept for this many origins; the least recently used is dropped. */
const rememberedDestinations = 1000;

const retryPauseMs = 100;

/** The defaults for every service that the client calls. */
export const outboundLimits = { requests: 256, requestsPerOrigin: 64, openSeconds: 10, retries: 1 } as const;

/** Never throws for failures of services or the network. */
export class Outbound {
  readonly #options: OutboundOptions;
  readonly #resolve: Resolve;
  readonly #slots: BulkheadPolicy;
  readonly #guards = boundedCache<string, Guards>(rememberedDestinations);
  readonly #retry: RetryPolicy;

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? resolveName;
    this.#slots = bulkhead(options.concurrency?.total ?? outboundLimits.requests);
    // Nothing was sent when the service is unreachable, so a retry is safe for every method.
    this.#retry = retry(
      handleWhenResult((result) => (result as OutboundResult).kind === 'failed' && isUnsent(result as NoResponse)),
      { maxAttempts: outboundLimits.retries, backoff: new ConstantBackoff(retryPauseMs) },
    );
  }

  /** Sends one request and reads the whole response. */
  async request(request: OutboundRequest): Promise<OutboundResult> {
    const { clock, observe } = this.#options;
    const startedMs = clock.monotonicMs();
    const result = await inSpan(['client', `outbound ${request.purpose}`, {}], async (span) => {
      const sent = await this.#send(request);
      span?.set(describeResult(sent));
      return sent;
    });
    const milliseconds = clock.monotonicMs() - startedMs;
    const observed = { purpose: request.purpose, milliseconds };
    if (result.kind === 'answered') observe({ ...observed, outcome: 'answered', status: result.status });
    else observe({ ...observed, outcome: result.reason });
    return result;
  }

  /** Sends a JSON body and parses a JSON response. The body is text, because the caller may have signed its bytes. */
  async requestJson(request: OutboundRequest): Promise<JsonResult> {
    const headers = { ...request.headers, accept: 'application/json', 'content-type': 'application/json' };
    const result = await this.request({ ...request, headers });
    if (result.kind !== 'answered') return result;
    const { body, ...rest } = result;
    return { ...rest, json: this.#jsonOf(result.headers['content-type'], body) };
  }

  /** The purposes for which a service was reached, and whether the circuit to one of its servers is open. */
  circuits(): ReadonlyMap<OutboundRequest['purpose'], boolean> {
    const open = new Map<OutboundRequest['purpose'], boolean>();
    for (const { purpose, breaker } of this.#guards.values()) {
      open.set(purpose, open.get(purpose) === true || breaker.openForSeconds() > 0);
    }
    return open;
  }

  async #send(request: OutboundRequest): Promise<OutboundResult> {
    const destination = this.#options.readDestination(request.url, request.policy);
    if (destination.kind !== 'destination') return destination;
    const signal = AbortSignal.timeout(request.timeoutMs);
    // The timeout also limits the wait for the trial request of a half-open circuit.
    return untilAborted(signal, this.#guarded(request, destination, signal));
  }

  async #guarded(request: OutboundRequest, destination: Destination, signal: AbortSignal): Promise<OutboundResult> {
    const { slots, breaker } = this.#guardsOf(destination.url.origin, request.purpose);
    const attempt = () => this.#retry.execute(() => this.#attempt(request, destination, signal), signal);
    try {
      const run = await this.#slots.execute(() => slots.execute(() => breaker.run(attempt)));
      return run.kind === 'ran' ? run.outcome : { kind: 'failed', reason: 'circuit_open' };
    } catch (error) {
      if (!(error instanceof BulkheadRejectedError)) throw error;
      return { kind: 'failed', reason: 'overloaded' };
    }
  }

  async #attempt(request: OutboundRequest, destination: Destination, signal: AbortSignal): Promise<OutboundResult> {
    // Timed out while it waited for a slot: not a failure of the service.
    if (signal.aborted) return { kind: 'failed', reason: 'overloaded' };
    const found = await untilAborted(signal, findAddresses(destination, this.#resolve));
    if (found.kind !== 'addresses') return found;
    const { method, headers = {}, body, maxBodyBytes = 65_536 } = request;
    const { certificateAuthority } = this.#options;
    const { addresses } = found;
    const { url } = destination;
    return exchange({ url, addresses, method, headers, body, maxBodyBytes, certificateAuthority }, signal);
  }

  #guardsOf(origin: string, purpose: Guards['purpose']): Guards {
    const known = this.#guards.get(origin);
    if (known !== undefined) return known;
    const { clock, concurrency, openSeconds = outboundLimits.openSeconds } = this.#options;
    const guards = {
      purpose,
      slots: bulkhead(concurrency?.perDestination ?? outboundLimits.requestsPerOrigin),
      breaker: new Breaker({ clock, openSeconds }, isOutage),
    };
    this.#guards.set(origin, guards);
    return guards;
  }

  #jsonOf(contentType: string | undefined, body: Buffer): unknown {
    if (!/^application\/(?:[a-z0-9.-]+\+)?json *(?:;|$)/i.test(contentType ?? '')) return undefined;
    const parsed = this.#options.parseJson(body.toString('utf8'));
    return parsed.kind === 'ok' ? parsed.value : undefined;
  }
}

/**
 * Uses getaddrinfo, which reads the hosts file as other programs do.
 * libuv limits look-ups to half of its threads, so an unresponsive resolver does not block password hashing.
 */
async function resolveName(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

function describeResult(result: OutboundResult): SpanAttributes {
  if (result.kind !== 'answered') return { 'latchkey.outcome': result.reason };
  return { 'latchkey.outcome': 'answered', 'http.response.status_code': result.status };
}

function isUnsent(result: NoResponse): boolean {
  return result.reason === 'unreachable';
}

function isOutage(result: OutboundResult): boolean {
  if (result.kind === 'answered') return result.status >= 500;
  return result.kind === 'failed' && result.reason !== 'overloaded';
}

function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | NoResponse> {
  const { promise, resolve } = Promise.withResolvers<NoResponse>();
  const timeOut = () => resolve({ kind: 'failed', reason: 'timeout' });
  signal.addEventListener('abort', timeOut, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', timeOut));
}
