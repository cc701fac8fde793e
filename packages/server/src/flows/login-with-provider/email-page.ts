/** `/login/with/{provider}/email`: requests the email that the provider did not send. Its mailbox decides. */
import { z } from 'zod';
import { readBrowser } from '#domain/authentication/index.ts';
import {
  consumePendingIdentity,
  findPendingIdentity,
  type PendingIdentity,
} from '#domain/federated-identities/index.ts';
import { emailInput } from '#domain/identifiers/index.ts';
import { Problem } from '#kernel/problem.ts';
import { refusal } from '#pages/notice.ts';
import { emailFormPage } from '#pages/request-by-email.ts';
import { checkMailPath } from '#pages/sign-up-paths.ts';
import { wordsOf } from '#pages/words.ts';
import type { Queries } from '#platform/database/index.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import { type ProviderPages, providerParams } from './pages.ts';
import { failedPage, pageOfProblem } from './refusals.ts';
import { registerUnproven, signUpOf } from './sign-up.ts';

const path = '/login/with/{provider}/email';

export function emailPage(flow: ProviderPages): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'login.show_provider_email',
      method: 'GET',
      path,
      summary: 'Page that asks for the email of a new account, where the provider gives none',
      auth: { principals: ['public'] },
      rateLimit: 'pages',
      request: { params: providerParams },
      problems: [],
      handler: async ({ params, caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        const pending = await findWaiting(flow, params.provider, caller);
        if (pending === undefined) return failedPage(words, 'stale');
        return emailFormPage(words, textsOf(params.provider), 200, { email: '' });
      },
    }),
    pageEndpoint({
      id: 'login.submit_provider_email',
      method: 'POST',
      path,
      summary: 'Its form: mails the link that confirms the email',
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      limitedBy: ({ email }) => emailInput.safeParse(email).data?.canonical,
      request: { params: providerParams, form: z.strictObject({ email: z.string().max(1000) }) },
      problems: ['registration_closed', 'email_domain_not_allowed', 'registration_refused', 'busy'],
      handler: ({ params, body, caller }) => submit(flow, params.provider, body.email, caller),
      refused: ({ params, body: { email }, caller, problem }) => {
        const words = wordsOf(flow.catalogues, caller);
        return emailFormPage(words, textsOf(params.provider), 200, { email, notice: refusal(words, problem) });
      },
    }),
  ];
}

function textsOf(provider: string) {
  return {
    path: `/login/with/${provider}/email`,
    title: 'page.provider.email_title',
    lead: 'page.provider.email',
    submit: 'page.provider.email_submit',
    sent: 'page.check_mail.sign_up',
    hint: 'page.check_mail.hint',
  } as const;
}

async function findWaiting(
  { database, clock }: ProviderPages,
  providerId: string,
  { loginCookie }: Caller,
): Promise<PendingIdentity | undefined> {
  const browser = readBrowser(loginCookie);
  const pending = browser && (await findPendingIdentity(database, browser, clock.now()));
  return pending?.providerId === providerId ? pending : undefined;
}

async function submit(flow: ProviderPages, providerId: string, typed: string, caller: Caller): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const pending = await findWaiting(flow, providerId, caller);
  const browser = readBrowser(caller.loginCookie);
  const provider = await flow.identityProviders.findEnabled(providerId);
  if (pending === undefined || browser === undefined || provider === undefined) return failedPage(words, 'stale');
  const email = emailInput.safeParse(typed).data;
  if (email === undefined) {
    const complaint = words.say('page.login.email_missing');
    return emailFormPage(words, textsOf(providerId), 422, { email: typed, complaint });
  }
  const { issuer, subject, strength, name, continueTo } = pending;
  const vouched = { provider, issuer, subject, strength, email: undefined, name: name ?? undefined, continueTo };
  // Used by the first form: after a mistyped address the person goes to the provider again.
  const consume = async (tx: Queries) => {
    if ((await consumePendingIdentity(tx, browser, pending.id, flow.clock.now())) === undefined)
      throw new Problem('invalid_provider_login', { log: 'an email was sent for the identity before' });
  };
  try {
    const account = { vouched, email, signUp: signUpOf(vouched, caller) };
    const { text: value, expiresAt } = await registerUnproven(flow, account, consume, caller);
    return { kind: 'redirect', location: checkMailPath, cookies: [{ cookie: 'ticket', change: { value, expiresAt } }] };
  } catch (error) {
    const shown = pageOfProblem(words, error);
    if (shown === undefined) throw error;
    return shown;
  }
}
