/**
 * Rate limits of an endpoint (docs/security/limits.md). The endpoint's class selects the quota and the path does not, so no
 * spelling of a path has a quota of its own.
 */
import type { FastifyRequest } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { LocalClass, QuotaReservation, QuotaStatus, SharedUse } from '#platform/rate-limit/index.ts';
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

/** Counts in the process: by user, or by address without a session. */
export function counterOf(responder: Responder, { rateLimit }: Limited): Count {
  const { limiter } = responder.options;
  const name = localClasses[rateLimit];
  if (name === undefined) return countNothing;
  return (request, caller, principal) => {
    const key = principal?.userId ?? limiter.bucketOf(caller.address);
    record(responder, request, limiter.use(name, key));
  };
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
  if (countAround === undefined) return (_request, input) => handler(input);
  return (request, input) => {
    const { caller, principal, body } = input;
    return countAround({ request, caller, principal, body }, (use) => handler({ ...input, use }));
  };
}

function sharedCounterOf(responder: Responder, endpoint: Limited): CountAround | undefined {
  const { rateLimit, id, separateQuota } = endpoint;
  if (rateLimit !== 'credential' && rateLimit !== 'mail') return undefined;
  const identify = endpoint.limitedBy as ((body: unknown) => string | undefined) | undefined;
  const settle = rateLimit === 'mail' ? settleMail : settleGuess;
  const leavesCounting = endpoint.kind === 'api' && endpoint.countsUse === true;
  return async ({ request, caller, principal, body }, work) => {
    const { limiter, logger } = responder.options;
    const subject = identify === undefined ? principal?.userId : identify(body);
    const identifier = subject === undefined || separateQuota === undefined ? subject : `${separateQuota} ${subject}`;
    const use = limiter.useShared(rateLimit, { address: limiter.bucketOf(caller.address), identifier });
    // Awaited: the next request of the same client must find the refund.
    const conclude = (outcome: Outcome) =>
      settle(use, outcome).catch((error: unknown) => logger.warn('a rate-limit use was not refunded', { error }));
    try {
      if (!(leavesCounting && use.countsInStatements)) await use.take();
      if (!leavesCounting) use.require();
      const response = await work(use);
      assert(use.isRecorded, `${id} counts its use`);
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
 * Only failed proofs consume quota; validation errors (422) and 5xx are refunded. Every flow checks the proof first, so a
 * new password that is too short never hides a wrong guess.
 */
async function settleGuess(use: SharedUse, outcome: Outcome): Promise<void> {
  if (outcome !== 'refused') await use.refund();
}

/** Without a mail the recipient's quota is refunded; that of the caller is not, since repeated requests are the flood. */
async function settleMail(use: SharedUse, outcome: Outcome): Promise<void> {
  if (outcome === 'refused' || outcome === 'invalid' || outcome === 'failed') await use.refund({ perAddress: false });
}

const localClasses: Partial<Record<Limited['rateLimit'], LocalClass>> = {
  public: 'public',
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
