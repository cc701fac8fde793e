/**
 * Rate limits of an endpoint (docs/security/limits.md). The endpoint's class selects the quota and the path does not, so no
 * spelling of a path has a quota of its own.
 */
import type { FastifyRequest } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import {
  type LocalClass,
  noUse,
  type QuotaReservation,
  type QuotaStatus,
  type SharedClass,
} from '#platform/rate-limit/index.ts';
import type { ApiEndpoint, Caller, PageEndpoint, Principal } from '../endpoint.ts';
import type { Responder } from '../engine/responder.ts';

type Limited = ApiEndpoint | PageEndpoint;

/** The request, as far as its quota depends on it. */
interface LimitContext {
  readonly request: FastifyRequest;
  readonly caller: Caller;
  readonly principal: Principal | undefined;
  readonly body: unknown;
}

/** Counts a request before its body is read. Throws `too_many_requests`. */
export type Count = (request: FastifyRequest, caller: Caller, principal: Principal | undefined) => void;

/** Counts by the body, then runs the handler. Rejects with `too_many_requests`. */
type CountAround = <T>(context: LimitContext, work: (use: QuotaReservation) => T | Promise<T>) => T | Promise<T>;

const countNothing: Count = () => undefined;

/**
 * Counts in the process: by user, by the ticket of a login in progress, or else by address. A GET that another site's page
 * causes has a quota of its own by address, so that a page with many images uses up no quota of its visitor (invariant 25).
 */
export function counterOf(responder: Responder, endpoint: Limited): Count {
  const { limiter } = responder.options;
  const name = localClasses[endpoint.rateLimit];
  if (name === undefined || leavesCounting(endpoint)) return countNothing;
  return (request, caller, principal) => {
    const status = isFromOtherSite(endpoint, request, caller)
      ? limiter.use('pages', `cross-site ${limiter.bucketOf(caller.address)}`)
      : limiter.use(name, keyOf(responder, caller, principal));
    record(responder, request, status);
  };
}

/** The key of the quotas that the process counts. */
export function keyOf({ options, tickets }: Responder, caller: Caller, principal: Principal | undefined): string {
  return principal?.userId ?? tickets.keyOf(caller.ticketCookie) ?? options.limiter.bucketOf(caller.address);
}

/** A sibling subdomain may be another party's. The pages of a listed origin are the application's own. */
function isFromOtherSite({ method }: Limited, { headers }: FastifyRequest, { foreignOrigin }: Caller): boolean {
  const site = headers['sec-fetch-site'];
  return method === 'GET' && (site === 'cross-site' || site === 'same-site') && foreignOrigin === undefined;
}

function leavesCounting({ countsUse }: Limited): boolean {
  return countsUse === true;
}

function leavesCountingOf({ countsUse }: Limited, body: unknown): boolean {
  return typeof countsUse === 'function' ? countsUse(body as never) : countsUse === true;
}

/** Counts an invalid credential by address: each costs a signature check or a query. */
export function countRefused(responder: Responder, request: FastifyRequest, caller: Caller): void {
  const { limiter } = responder.options;
  record(responder, request, limiter.use('public', `unproven ${limiter.bucketOf(caller.address)}`));
}

/** The input of a handler before its use is reserved. */
type Input = Omit<LimitContext, 'request'> & { readonly use: QuotaReservation };

/** A handler with the count of its class, where all nodes share that count. */
export function countedHandler<I extends Input, A>(
  responder: Responder,
  endpoint: Limited,
  handler: (input: I) => A | Promise<A>,
): (request: FastifyRequest, input: I) => A | Promise<A> {
  const countAround = sharedCounterOf(responder, endpoint);
  if (countAround === undefined && !leavesCounting(endpoint)) return (_request, input) => handler(input);
  return (request, input) => {
    const report = (status: QuotaStatus) => record(responder, request, status);
    if (countAround === undefined) return handler({ ...input, use: { ...noUse, report } });
    const { caller, principal, body } = input;
    return countAround({ request, caller, principal, body }, (use) => handler({ ...input, use }));
  };
}

function sharedCounterOf(responder: Responder, endpoint: Limited): CountAround | undefined {
  const { rateLimit: declared, id } = endpoint;
  if (declared !== 'credential' && declared !== 'mail') return undefined;
  const classOf = endpoint.kind === 'page' ? endpoint.limitedAs : undefined;
  const identify = endpoint.limitedBy as ((body: unknown) => string | undefined) | undefined;
  return async ({ request, caller, principal, body }, work) => {
    const { limiter, logger } = responder.options;
    const rateLimit = classOf?.(body as never) ?? declared;
    const isRefunded = refundedOutcomes[rateLimit];
    const isLeft = leavesCountingOf(endpoint, body) && rateLimit === declared;
    const identifier = identify === undefined ? principal?.userId : identify(body);
    const address = limiter.bucketOf(caller.address);
    const use = limiter.useShared(rateLimit, { address, identifier });
    const conclude = async (outcome: Outcome): Promise<void> => {
      if (!isRefunded.includes(outcome)) return;
      // Awaited: the next request of the same client must find the refund.
      await use.refund().catch((error: unknown) => logger.warn('a rate-limit use was not refunded', { error }));
      if (outcome === 'invalid') record(responder, request, limiter.use('public', `invalid ${address}`));
    };
    try {
      if (!(isLeft && use.countsInStatements)) await use.take();
      if (!isLeft) use.require();
      const response = await work(use);
      // A page reports an exhausted quota by its status, where the API throws.
      assert(use.isRecorded || use.status?.retryAfterSeconds !== undefined, `${id} counts its use`);
      await conclude(outcomeOfResponse(response));
      return response;
    } catch (error) {
      await conclude(outcomeOf(error));
      throw error;
    } finally {
      responder.exchanges.of(request).limitHeaders = use.status?.headers ?? [];
    }
  };
}

/** `invalid`: the input was rejected (422), and the credential in it was right or was not checked. */
type Outcome = 'succeeded' | 'invalid' | 'refused' | 'unknown' | 'failed';

/**
 * Of `credential` only failed proofs consume quota. Every flow checks the proof first, so a new password that is too short
 * never hides a wrong guess. Of `mail` every request consumes it, unless its input was rejected or the fault is ours.
 * Rejected input (422) counts by address as `public` instead.
 */
const refundedOutcomes: Readonly<Record<SharedClass, readonly Outcome[]>> = {
  credential: ['succeeded', 'invalid', 'unknown', 'failed'],
  mail: ['invalid', 'failed'],
};

const localClasses: Partial<Record<Limited['rateLimit'], LocalClass>> = {
  public: 'public',
  pages: 'pages',
  authenticated: 'authenticated',
  admin: 'admin',
  // API keys have no quota of their own.
  machine: 'authenticated',
};

function record(responder: Responder, request: FastifyRequest, { headers, retryAfterSeconds }: QuotaStatus): void {
  responder.exchanges.of(request).limitHeaders = headers;
  if (retryAfterSeconds !== undefined) throw new Problem('too_many_requests', { retryAfterSeconds });
}

/** A page reports a failure by its status and does not throw. */
function outcomeOfResponse(response: unknown): Outcome {
  const hasStatus = typeof response === 'object' && response !== null && 'status' in response;
  return hasStatus && Number(response.status) >= 400 ? outcomeOfStatus(Number(response.status)) : 'succeeded';
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof Problem)) return 'failed';
  if (error.code === 'outcome_unknown') return 'unknown';
  return outcomeOfStatus(error.status);
}

function outcomeOfStatus(status: number): Outcome {
  if (status === 422) return 'invalid';
  return status < 500 ? 'refused' : 'failed';
}
