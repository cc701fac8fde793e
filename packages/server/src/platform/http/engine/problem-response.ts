/** A problem as the client reads it: RFC 9457, with the members of our envelope. */
import { type FieldError, hintOf, type Problem, type ProblemCode, problems } from '#kernel/problem.ts';
import type { Headers } from './headers.ts';

export const problemContentType = 'application/problem+json; charset=utf-8';

/** The page that explains every problem, below the public URL. */
export const problemPagePath = '/docs/problems';

export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly success: false;
  readonly message: string;
  /** Outside production only. */
  readonly hint?: string;
  readonly errors: readonly FieldError[];
  readonly meta: { readonly timestamp: string; readonly requestId: string };
}

/** The document of a problem. `publicOrigin` has no slash at its end. */
export function problemDocument(
  problem: Problem,
  where: {
    readonly publicOrigin: string;
    readonly requestId: string;
    readonly now: Date;
    readonly production: boolean;
  },
): ProblemDocument {
  const { status, title } = problems[problem.code];
  const detail = [problems[problem.code].detail, problem.advice].filter((text) => text !== undefined).join(' ');
  const hint = where.production ? undefined : hintOf(problem.code);
  return {
    type: `${where.publicOrigin}${problemPagePath}#${problem.code}`,
    title,
    status,
    detail,
    code: problem.code,
    success: false,
    message: detail,
    ...(hint !== undefined && { hint }),
    errors: problem.errors,
    meta: { timestamp: where.now.toISOString(), requestId: where.requestId },
  };
}

/**
 * `WWW-Authenticate` of a request without a valid credential (RFC 6750 §3) or a recent authentication (RFC 9470 §3),
 * `Retry-After` of one to repeat.
 */
export function problemHeaders(problem: Problem): Headers {
  if (problem.code === 'not_authenticated') return { 'www-authenticate': challengeOf(problem) };
  if (problem.code === 'step_up_required') {
    const { maxAgeSeconds } = problem;
    return { 'www-authenticate': `Bearer error="insufficient_user_authentication", max_age="${maxAgeSeconds}"` };
  }
  const retryAfter = retryAfterOf(problem);
  return retryAfter === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfter))) };
}

/** The seconds after which a request may succeed; undefined when waiting does not help. */
export function retryAfterOf({ retryAfterSeconds, status }: Problem): number | undefined {
  return retryAfterSeconds ?? (status === 503 ? 1 : undefined);
}

// Without a token there is no error code (RFC 6750 §3.1).
function challengeOf({ tokenRefusal }: Problem): string {
  if (tokenRefusal === undefined) return 'Bearer';
  return `Bearer error="invalid_token", error_description="${tokenRefusal}"`;
}
