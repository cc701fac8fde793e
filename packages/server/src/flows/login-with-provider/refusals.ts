/** The page of a sign-in with a provider that came to nothing: what happened, and the way on. Nothing was written. */
import { Problem, type ProblemCode, problems } from '#kernel/problem.ts';
import { linkButton, stack } from '#pages/form.ts';
import { connectionsPath, loginPath, type OwnPath, withContinue } from '#pages/own-path.ts';
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
  identity_suspended: 'suspended',
  invalid_token: 'invitation',
  registration_closed: 'closed',
  registration_refused: 'closed',
  email_domain_not_allowed: 'domain',
  identity_taken: 'taken',
};

/** A suspended identity works again once its owner, who has signed in another way, connects it. */
const reconnectPath = withContinue(loginPath, connectionsPath);

const labels: Readonly<Record<string, string>> = {
  [loginPath]: 'page.step.again',
  [reconnectPath]: 'page.provider.connect_sign_in',
};

export function failedPage(words: PageWords, failed: FailedArrival, back: OwnPath = loginPath): PageResponse {
  return refusedPage(words, failed, statuses[failed], back);
}

/** Undefined for a problem that has a page of its own. */
export function pageOfProblem(words: PageWords, error: unknown, back: OwnPath = loginPath): PageResponse | undefined {
  const reason = error instanceof Problem ? refusals[error.code] : undefined;
  if (!(error instanceof Problem) || reason === undefined) return undefined;
  return refusedPage(words, reason, error.status, reason === 'suspended' ? reconnectPath : back);
}

function refusedPage({ say, ...words }: PageWords, reason: string, status: number, back: OwnPath): PageResponse {
  const label = labels[back] ?? 'page.account.title';
  const shown = page({
    words: { say, ...words },
    title: say(`page.provider.${reason}_title`),
    lead: say(`page.provider.${reason}`),
    icon: 'unlink',
    tone: 'warn',
    body: stack(linkButton({ label: say(label), path: back })),
  });
  return { kind: 'html', status, html: shown };
}
