/** The one client: caps, breaker and retry around single exchanges. */
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
import { LRUCache } from 'lru-cache';
import type { Clock } from '#kernel/clock.ts';
import { Breaker } from '#platform/breaker/index.ts';
import type { Answered, Failure, OutboundResult, Refusal, Unanswered } from './answer.ts';
import {
  type Destination,
  type DestinationContext,
  findAddresses,
  type OutboundPolicy,
  readDestination,
} from './destination.ts';
import { exchange } from './exchange.ts';

/** What is asked, and of whom. */
export interface OutboundRequest {
  /** Whose errand it is: a closed set, which metrics and logs name. */
  readonly purpose: 'registration_hook' | 'breached_passwords';
  readonly url: string;
  readonly policy: OutboundPolicy;
  readonly method: 'GET' | 'POST';
  /** Names and values of ours, never of whoever gave the URL. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the first look-up to the last byte of the answer. */
  readonly timeoutMs: number;
  /** 65,536 when not given. */
  readonly maxBodyBytes?: number;
}

/** What became of a request, for metrics and logs. */
export interface OutboundObservation {
  readonly purpose: OutboundRequest['purpose'];
  readonly outcome: 'answered' | Refusal | Failure;
  readonly milliseconds: number;
}

/** An answer read as JSON; `json` is undefined when its body is none. */
export type JsonResult = (Omit<Answered, 'body'> & { readonly json: unknown }) | Unanswered;

type ParsedJson = { readonly kind: 'ok'; readonly value: unknown } | { readonly kind: 'invalid' };

/** What the client needs; the defaults are for production. */
export interface OutboundOptions extends Omit<DestinationContext, 'resolve'> {
  readonly clock: Clock;
  readonly parseJson: (text: string) => ParsedJson;
  readonly observe: (observation: OutboundObservation) => void;
  readonly resolve?: DestinationContext['resolve'];
  /** Requests under way at once, to all and to one destination; beyond it they fail at once. 256 and 64. */
  readonly concurrency?: { readonly total: number; readonly perDestination: number };
  /** How long a destination is left alone after five failures in a row; 10 when not given. */
  readonly openSeconds?: number;
  /** Trusted beside the well-known authorities, PEM. */
  readonly certificateAuthority?: string;
}

interface Guards {
  readonly slots: BulkheadPolicy;
  readonly breaker: Breaker<OutboundResult>;
}

/** Beyond it the breaker of the destination that was asked longest ago is forgotten. */
const rememberedDestinations = 1000;

const retryPauseMs = 100;

/** Asks for what stands at URLs that others chose. Never throws for what they or the network do. */
export class Outbound {
  readonly #options: OutboundOptions;
  readonly #around: DestinationContext;
  readonly #slots: BulkheadPolicy;
  readonly #guards = new LRUCache<string, Guards>({ max: rememberedDestinations });
  readonly #retry: RetryPolicy;

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#around = { ...options, resolve: options.resolve ?? resolveName };
    this.#slots = bulkhead(options.concurrency?.total ?? 256);
    // Nothing was sent, so a second try repeats nothing, whatever the method.
    this.#retry = retry(
      handleWhenResult((answer) => (answer as OutboundResult).kind === 'failed' && isUnsent(answer as Unanswered)),
      { maxAttempts: 1, backoff: new ConstantBackoff(retryPauseMs) },
    );
  }

  /** Why a URL would be refused without looking up its name; undefined when it would not. */
  examine(url: string, policy: OutboundPolicy): Refusal | undefined {
    const destination = readDestination(url, policy, this.#around);
    return destination.kind === 'refused' ? destination.reason : undefined;
  }

  /** Sends one request and reads its answer. */
  async ask(request: OutboundRequest): Promise<OutboundResult> {
    const { clock, observe } = this.#options;
    const startedMs = clock.monotonicMs();
    const answer = await this.#ask(request);
    const outcome = answer.kind === 'answered' ? 'answered' : answer.reason;
    observe({ purpose: request.purpose, outcome, milliseconds: clock.monotonicMs() - startedMs });
    return answer;
  }

  /** The same for JSON, sent and answered; the body is JSON already, since it may have been signed. */
  async askJson(request: OutboundRequest): Promise<JsonResult> {
    const headers = { ...request.headers, accept: 'application/json', 'content-type': 'application/json' };
    const answer = await this.ask({ ...request, headers });
    if (answer.kind !== 'answered') return answer;
    const { body, ...rest } = answer;
    return { ...rest, json: this.#jsonOf(answer.headers['content-type'], body) };
  }

  async #ask(request: OutboundRequest): Promise<OutboundResult> {
    const destination = readDestination(request.url, request.policy, this.#around);
    if (destination.kind !== 'destination') return destination;
    const signal = AbortSignal.timeout(request.timeoutMs);
    // Who waits for somebody else's trial of a half-open circuit waits no longer than anybody.
    return untilAborted(signal, this.#guarded(request, destination, signal));
  }

  async #guarded(request: OutboundRequest, destination: Destination, signal: AbortSignal): Promise<OutboundResult> {
    const { slots, breaker } = this.#guardsOf(destination.url.origin);
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
    // The caller has gone while it waited; that says nothing about the service.
    if (signal.aborted) return { kind: 'failed', reason: 'overloaded' };
    const found = await untilAborted(signal, findAddresses(destination, this.#around));
    if (found.kind !== 'addresses') return found;
    const { method, headers = {}, body, maxBodyBytes = 65_536 } = request;
    const { certificateAuthority } = this.#options;
    const { addresses } = found;
    const { url } = destination;
    return exchange({ url, addresses, method, headers, body, maxBodyBytes, certificateAuthority }, signal);
  }

  #guardsOf(origin: string): Guards {
    const known = this.#guards.get(origin);
    if (known !== undefined) return known;
    const { clock, concurrency, openSeconds = 10 } = this.#options;
    const made = {
      slots: bulkhead(concurrency?.perDestination ?? 64),
      breaker: new Breaker({ clock, openSeconds }, isOutage),
    };
    this.#guards.set(origin, made);
    return made;
  }

  #jsonOf(contentType: string | undefined, body: Buffer): unknown {
    if (!/^application\/(?:[a-z0-9.-]+\+)?json *(?:;|$)/i.test(contentType ?? '')) return undefined;
    const parsed = this.#options.parseJson(body.toString('utf8'));
    return parsed.kind === 'ok' ? parsed.value : undefined;
  }
}

/**
 * By getaddrinfo, so that the hosts file counts as it does for every other program.
 * libuv lets look-ups take half of its threads at most, so a dead resolver does not stop the password hashes.
 */
async function resolveName(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

function isUnsent(answer: Unanswered): boolean {
  return answer.reason === 'unreachable';
}

function isOutage(answer: OutboundResult): boolean {
  if (answer.kind === 'answered') return answer.status >= 500;
  return answer.kind === 'failed' && answer.reason !== 'overloaded';
}

function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | Unanswered> {
  const { promise, resolve } = Promise.withResolvers<Unanswered>();
  const give = () => resolve({ kind: 'failed', reason: 'timeout' });
  signal.addEventListener('abort', give, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', give));
}
