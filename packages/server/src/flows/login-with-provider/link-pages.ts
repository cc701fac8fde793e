/**
 * `/login/link`: an identity waits in this browser, whose email is that of an account. After an ordinary sign-in the page shows a
 * question, and links it to the account that signed in.
 */
import { z } from 'zod';
import { readBrowser } from '#domain/authentication/index.ts';
import { consumePendingIdentity, findPendingIdentity } from '#domain/federated-identities/index.ts';
import { Problem } from '#kernel/problem.ts';
import { formStepUp } from '#pages/account-form.ts';
import { leadTo } from '#pages/continue-page.ts';
import { button, facts, hiddenField, linkButton, postForm, stack } from '#pages/form.ts';
import { refusal } from '#pages/notice.ts';
import { connectionsPath, loginLinkPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { linkOwn } from './link.ts';
import type { ProviderPages } from './pages.ts';
import { failedPage, pageOfProblem } from './refusals.ts';

export function linkPages(flow: ProviderPages): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds };
  return [
    pageEndpoint({
      id: 'identities.show_link',
      method: 'GET',
      path: loginLinkPath,
      summary: 'Page that asks whether to connect the identity that waits in this browser',
      auth: { principals: ['session'], stepUp },
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: ({ principal, caller }) => show(flow, principal, caller),
    }),
    pageEndpoint({
      id: 'identities.submit_link',
      method: 'POST',
      path: loginLinkPath,
      summary: 'Its form: connects the identity to the account that is signed in',
      auth: { principals: ['session'], stepUp: formStepUp(stepUp) },
      rateLimit: 'pages',
      request: { form: z.strictObject({ identity: z.uuid() }) },
      problems: ['identity_taken', 'invalid_provider_login'],
      handler: ({ body, principal, caller }) => submit(flow, body.identity, principal, caller),
      refused: ({ principal, caller, problem }) =>
        show(flow, principal, caller, refusal(wordsOf(flow.catalogues, caller), problem)),
    }),
  ];
}

async function findWaiting({ database, clock, identityProviders }: ProviderPages, { loginCookie }: Caller) {
  const browser = readBrowser(loginCookie);
  const pending = browser && (await findPendingIdentity(database, browser, clock.now()));
  const provider = pending && identityProviders.byId(pending.providerId);
  if (pending === undefined || provider?.enabled !== true) return undefined;
  return { browser, pending, provider };
}

async function show(
  flow: ProviderPages,
  { name, email }: Principal,
  caller: Caller,
  notice?: Html,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const waiting = await findWaiting(flow, caller);
  if (waiting === undefined) return failedPage(words, 'stale', connectionsPath);
  const { pending, provider } = waiting;
  const account = email ?? name;
  const from = pending.email ?? pending.name;
  return questionPage(words, { id: pending.id, provider: provider.name, from, account, notice });
}

interface Question {
  readonly id: string;
  readonly provider: string;
  /** The person at the provider. */
  readonly from: string | null;
  readonly account: string;
  readonly notice: Html | undefined;
}

function questionPage({ say, ...words }: PageWords, { id, provider, from, account, notice }: Question): PageResponse {
  const content = html`${hiddenField('identity', id)}
${stack(
  button({ label: say('page.provider.link_submit') }),
  linkButton({ label: say('page.account.not_now'), kind: 'quiet', path: connectionsPath }),
)}`;
  const shown = page({
    words: { say, ...words },
    title: say('page.provider.link_title', { provider }),
    lead: say('page.provider.link', { provider }),
    icon: 'link',
    body: html`${notice}${facts([
      from !== null && [provider, from],
      [say('page.provider.link_account'), account],
    ])}${postForm(loginLinkPath, content)}`,
  });
  return { kind: 'html', status: 200, html: shown };
}

async function submit(flow: ProviderPages, id: string, principal: Principal, caller: Caller): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const waiting = await findWaiting(flow, caller);
  if (waiting === undefined || waiting.pending.id !== id) return failedPage(words, 'stale', connectionsPath);
  const { browser, pending, provider } = waiting;
  const { issuer, subject, email, name, continueTo } = pending;
  const profile = { email: email === null ? undefined : { address: email, proven: true }, name: name ?? undefined };
  try {
    await linkOwn(flow, { provider, issuer, subject, ...profile }, principal, caller, async (tx) => {
      const taken = browser && (await consumePendingIdentity(tx, browser, id, flow.clock.now()));
      if (taken === undefined) throw new Problem('invalid_provider_login', { log: 'the identity was linked before' });
    });
  } catch (error) {
    const shown = pageOfProblem(words, error, connectionsPath);
    if (shown === undefined) throw error;
    return shown;
  }
  const address = continueTo === null ? undefined : flow.returnAddresses.read(continueTo);
  return leadTo(words, address ?? { kind: 'own', text: `${connectionsPath}?done=connected` });
}
