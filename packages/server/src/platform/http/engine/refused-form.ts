/**
 * A form that a quota or a dependency refuses for now is shown again with what was typed, so that pressing its button later is
 * all that is needed. The refusal itself is the same as without it: status, `Retry-After` and the log.
 */
import type { FastifyRequest } from 'fastify';
import type { ProblemCode } from '#kernel/problem.ts';
import { paramsReader, type SentForm } from '../admission/input.ts';
import { keyOf } from '../admission/rate-limits.ts';
import type { Caller, PageEndpoint, PageResponse, Principal } from '../endpoint.ts';
import { retryAfterOf } from './problem-response.ts';
import type { Responder } from './responder.ts';

/** Refusals that pass by themselves. After `outcome_unknown` the form must not be sent again unseen. */
const passing: ReadonlySet<ProblemCode> = new Set(['too_many_requests', 'busy', 'unavailable']);

/** The request of a form, as far as it was admitted. */
interface Refusal {
  readonly request: FastifyRequest;
  readonly caller: Caller;
  readonly principal: Principal | undefined;
  readonly form: SentForm;
}

type Shown = Extract<PageResponse, { readonly kind: 'html' }>;

/**
 * The form again; undefined where the problem has a page of its own: another problem, a program that wants JSON, a form of
 * another site, or a page that needs the dependency that is away.
 */
export function refusedFormOf(responder: Responder, { refused, request: { params } }: PageEndpoint) {
  const readParams = paramsReader(params);
  return async (thrown: unknown, { request, caller, principal, form }: Refusal): Promise<Shown | undefined> => {
    const problem = responder.problemOf(thrown);
    if (refused === undefined || form.kind !== 'own' || !passing.has(problem.code)) return undefined;
    if (!responder.isPage(request, 'page') || !mayShow(responder, caller, principal)) return undefined;
    const shown = await unlessRefused(responder, async () =>
      refused({
        body: form.body as never,
        params: readParams(request) as never,
        principal: principal as never,
        caller,
        problem,
      }),
    );
    if (shown?.kind !== 'html' || shown.status !== 200) return undefined;
    responder.note(request, problem);
    return { ...shown, status: problem.status, retryAfterSeconds: retryAfterOf(problem) };
  };
}

/**
 * A page may read the database, so that the forms of one sender are shown again as often as the quota of pages allows. After that
 * the problem has the page that costs nothing.
 */
function mayShow(responder: Responder, caller: Caller, principal: Principal | undefined): boolean {
  const key = `shown again ${keyOf(responder, caller, principal)}`;
  return responder.options.limiter.use('pages', key).retryAfterSeconds === undefined;
}

/** Undefined when the page has a problem of its own, or needs what is away: the problem that came first is the one to report. */
async function unlessRefused<T>(responder: Responder, show: () => Promise<T>): Promise<T | undefined> {
  try {
    return await show();
  } catch (error) {
    if (responder.problemOf(error).code !== 'internal') return undefined;
    throw error;
  }
}
