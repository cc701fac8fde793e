/** The page of a sign-in with a provider that came to nothing: what happened, and the way on. Nothing was written. */
import { Problem, type ProblemCode, problems } from '#kernel/problem.ts';
import { linkButton, stack } from '#pages/form.ts';
import { loginPath, type OwnPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import type { PageResponse } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import type { FailedArrival } from './at-provider.ts';

const statuses: Readonly<Record<FailedArrival, number>> = {
  stale: problems.malformed_request.status,
  denied: problems.malformed_request.status,
  invalid: problems.malformed_request.status,
  unavailable: problems.unavailable.status,
};

/** The refusals of the gate and of registrations that this page explains; any other one is a problem page. */
const refusals: Partial<Readonly<Record<ProblemCode, string>>> = {
  invalid_provider_login: 'stale',
  account_disabled: 'disabled',
  registration_closed: 'closed',
  registration_refused: 'closed',
  email_domain_not_allowed: 'domain',
  identity_taken: 'taken',
};

export function failedPage(words: PageWords, failed: FailedArrival, back: OwnPath = loginPath): PageResponse {
  return refusedPage(words, failed, statuses[failed], back);
}

/** Undefined for a problem that has a page of its own. */
export function pageOfProblem(words: PageWords, error: unknown, back: OwnPath = loginPath): PageResponse | undefined {
  const reason = error instanceof Problem ? refusals[error.code] : undefined;
  return error instanceof Problem && reason !== undefined ? refusedPage(words, reason, error.status, back) : undefined;
}

function refusedPage({ say, ...words }: PageWords, reason: string, status: number, back: OwnPath): PageResponse {
  const label = back === loginPath ? say('page.step.again') : say('page.account.title');
  const shown = page({
    words: { say, ...words },
    title: say(`page.provider.${reason}_title`),
    lead: say(`page.provider.${reason}`),
    icon: 'unlink',
    tone: 'warn',
    body: stack(linkButton({ label, path: back })),
  });
  return { kind: 'html', status, html: shown };
}
