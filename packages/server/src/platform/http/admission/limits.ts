/**
 * The gate's second half: whether this caller may ask once more (docs/security/limits.md). An endpoint's class decides what is
 * counted; nothing of the path does, so no spelling of it has a quota of its own.
 */
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { LocalClass, QuotaReservation, QuotaStatus, SharedClass, SharedUse } from '#platform/rate-limit/index.ts';
import type { ApiEndpoint, Caller, PageEndpoint, Principal } from '../endpoint.ts';
import type { IncomingRequest } from '../engine/exchange.ts';
import type { Responder } from '../engine/responder.ts';

/** Who counts. `key` and `address` are what counts as one caller, not what was sent. */
export interface Limiter {
  use(name: LocalClass, key: string): QuotaStatus;
  /** A use that is not counted yet. */
  useShared(name: SharedClass, who: { readonly address: string; readonly identifier: string | undefined }): SharedUse;
  /** What counts as one caller: of IPv6 the /64. */
  bucketOf(address: string): string;
}

type Limited = ApiEndpoint | PageEndpoint;

/** Who asks, and what for. */
interface LimitContext {
  readonly request: IncomingRequest;
  readonly caller: Caller;
  readonly principal: Principal | undefined;
  readonly body: unknown;
}

/** Counts a request before its body is read. Throws `too_many_requests`. */
export type Count = (request: IncomingRequest, caller: Caller, principal: Principal | undefined) => void;

/** Counts what only the body tells, then does the work. Rejects with `too_many_requests`. */
type CountAround = <T>(asking: LimitContext, work: (use: QuotaReservation) => T | Promise<T>) => T | Promise<T>;

const nothing: Count = () => undefined;

/** For classes of one process: by the user, or by the address of who is not logged in. */
export function counterOf(transport: Responder, { rateLimit }: Limited): Count {
  const { limiter } = transport.options;
  const name = localClasses[rateLimit];
  if (name === undefined) return nothing;
  return (request, caller, principal) => {
    const key = principal?.userId ?? limiter.bucketOf(caller.address);
    tell(transport, request, limiter.use(name, key));
  };
}

/** Each presentation of something that is no session counts, by address: it costs a signature or a question. */
export function countRefused(transport: Responder, request: IncomingRequest, caller: Caller): void {
  const { limiter } = transport.options;
  tell(transport, request, limiter.use('public', `unproven ${limiter.bucketOf(caller.address)}`));
}

/** What a handler gets, with `noUse`. */
type Input = Omit<LimitContext, 'request'> & { readonly use: QuotaReservation };

/** A handler whose use is counted where its class is one that all nodes count together, or the handler itself. */
export function countedHandler<I extends Input, A>(
  transport: Responder,
  endpoint: Limited,
  handler: (input: I) => A | Promise<A>,
): (request: IncomingRequest, input: I) => A | Promise<A> {
  const countAround = sharedCounterOf(transport, endpoint);
  if (countAround === undefined) return (_request, input) => handler(input);
  return (request, input) => {
    const { caller, principal, body } = input;
    return countAround({ request, caller, principal, body }, (use) => handler({ ...input, use }));
  };
}

/** Undefined where nothing is shared. */
function sharedCounterOf(transport: Responder, endpoint: Limited): CountAround | undefined {
  const { rateLimit, id, countedApart } = endpoint;
  if (rateLimit !== 'credential' && rateLimit !== 'mail') return undefined;
  const identify = endpoint.limitedBy as ((body: unknown) => string | undefined) | undefined;
  const settle = rateLimit === 'mail' ? settleMail : settleGuess;
  const leavesCounting = endpoint.kind === 'api' && endpoint.countsUse === true;
  return async ({ request, caller, principal, body }, work) => {
    const { limiter, logger } = transport.options;
    const whom = identify === undefined ? principal?.userId : identify(body);
    const identifier = whom === undefined || countedApart === undefined ? whom : `${countedApart} ${whom}`;
    const use = limiter.useShared(rateLimit, { address: limiter.bucketOf(caller.address), identifier });
    // Waited for: the next request of the same client must find it given back.
    const conclude = (outcome: Outcome) =>
      settle(use, outcome).catch((error: unknown) => logger.warn('a use of a limit was not given back', { error }));
    try {
      if (!(leavesCounting && use.countsInStatements)) await use.take();
      if (!leavesCounting) use.require();
      const answer = await work(use);
      assert(use.isRecorded, `${id} counts its use`);
      await conclude(outcomeOfAnswer(answer));
      return answer;
    } catch (error) {
      await conclude(outcomeOf(error));
      throw error;
    } finally {
      transport.exchanges.of(request).limits = use.status?.headers;
    }
  };
}

/** `invalid`: what was sent could not be accepted, whoever sent it; what it proves was right, or was not looked at. */
type Outcome = 'succeeded' | 'invalid' | 'refused' | 'unknown' | 'failed';

/**
 * Failures alone count as guesses; what went wrong on our side was none, nor was what could not be accepted: every flow
 * looks at what is to be proven first, so that a new password that is too short never hides a wrong guess.
 */
async function settleGuess(use: SharedUse, outcome: Outcome): Promise<void> {
  if (outcome !== 'refused') await use.refund();
}

/** A recipient has a use back when there was no mail; who asked keeps it, since asking again and again is what floods. */
async function settleMail(use: SharedUse, outcome: Outcome): Promise<void> {
  if (outcome === 'refused' || outcome === 'invalid' || outcome === 'failed') await use.refund({ perAddress: false });
}

const localClasses: Partial<Record<Limited['rateLimit'], LocalClass>> = {
  public: 'public',
  authenticated: 'authenticated',
  admin: 'admin',
  // Until keys have quotas of their own.
  machine: 'authenticated',
};

function tell(transport: Responder, request: IncomingRequest, { headers, retryAfterSeconds }: QuotaStatus): void {
  transport.exchanges.of(request).limits = headers;
  if (retryAfterSeconds !== undefined) throw new Problem('too_many_requests', { retryAfterSeconds });
}

/** A page refuses with a status, not by throwing. */
function outcomeOfAnswer(answer: unknown): Outcome {
  const hasStatus = typeof answer === 'object' && answer !== null && 'status' in answer;
  return hasStatus && Number(answer.status) >= 400 ? outcomeOfStatus(Number(answer.status)) : 'succeeded';
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
