/** A refusal as the client reads it: RFC 9457, and our envelope's members beside it (ARCHITECTURE.md). */
import { type FieldError, type Problem, type ProblemCode, problems } from '#kernel/problem.ts';
import type { HeaderList } from './headers.ts';

export const problemContentType = 'application/problem+json; charset=utf-8';

/** The page that explains all problems, below the public URL. */
export const problemPagePath = '/docs/problems';

/** A problem document. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly success: false;
  readonly message: string;
  readonly errors: readonly FieldError[];
  readonly meta: { readonly timestamp: string; readonly requestId: string };
}

/** Makes the document of a problem. `publicOrigin` has no slash at its end. */
export function problemDocument(
  problem: Problem,
  where: { readonly publicOrigin: string; readonly requestId: string; readonly now: Date },
): ProblemDocument {
  const { status, title, detail } = problems[problem.code];
  return {
    type: `${where.publicOrigin}${problemPagePath}#${problem.code}`,
    title,
    status,
    detail,
    code: problem.code,
    success: false,
    message: detail,
    errors: problem.errors,
    meta: { timestamp: where.now.toISOString(), requestId: where.requestId },
  };
}

/** The headers that some problems have. */
export function problemHeaders(problem: Problem): HeaderList {
  // RFC 6750 §3: a resource that wants a token says so.
  if (problem.code === 'not_authenticated') return ['www-authenticate', 'Bearer'];
  const retryAfter = problem.retryAfterSeconds ?? (problem.status === 503 ? 1 : undefined);
  return retryAfter === undefined ? [] : ['retry-after', String(Math.max(1, Math.ceil(retryAfter)))];
}
