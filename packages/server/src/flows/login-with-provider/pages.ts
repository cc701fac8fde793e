/** `/login/with/{provider}` and its callback. */
import { z } from 'zod';
import { ProviderRefusal } from '#domain/identity-providers/index.ts';
import { findActiveInvitation } from '#domain/invitations/index.ts';
import { Problem } from '#kernel/problem.ts';
import { leadTo, refusedAddressPage } from '#pages/continue-page.ts';
import { linkButton, stack } from '#pages/form.ts';
import { linkToken } from '#pages/link-page.ts';
import { type LeadsOn, leadOn } from '#pages/login-step.ts';
import { connectionsPath, loginLinkPath, loginPath, withContinue } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { continueField } from '#pages/return-address.ts';
import { checkMailPath } from '#pages/sign-up-paths.ts';
import { wordsOf } from '#pages/words.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import type { Logger } from '#platform/telemetry/index.ts';
import {
  arriveFrom,
  type CallbackParameters,
  type Departure,
  type LoginWithProvider,
  leaveFor,
} from './at-provider.ts';
import { type Entry, enter } from './enter.ts';
import { failedPage, pageOfProblem } from './refusals.ts';

/** Dependencies of the pages. */
export interface ProviderPages extends LoginWithProvider, LeadsOn {
  readonly catalogues: Catalogues;
  readonly logger: Pick<Logger, 'warn'>;
  readonly stepUpSeconds: number;
}

/** The id of a provider, in the path. */
export const providerParams = z.object({
  provider: z
    .string()
    .regex(/^[a-z0-9](?:-?[a-z0-9])*$/)
    .max(32),
});

const path = '/login/with/{provider}';

/** The parameters of a response that we know (RFC 6749 §4.1.2, RFC 9207, and `user`, which Apple sends once). */
const parameters = {
  code: z.string().max(4096).optional(),
  iss: z.string().max(2048).optional(),
  error: z.string().max(256).optional(),
  user: z.string().max(1024).optional(),
};
const callbackQuery = z.object({ state: z.string().max(256).optional(), ...parameters });
const callbackForm = z.object({ state: z.string().max(256), ...parameters });

export function providerPages(flow: ProviderPages): readonly Endpoint[] {
  return [...startPages(flow), ...callbackPages(flow)];
}

function startPages(flow: ProviderPages): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'login.show_provider',
      method: 'GET',
      path,
      summary: 'Leads to the sign-in page, whose form begins the sign-in',
      auth: { principals: ['public'] },
      rateLimit: 'pages',
      request: { params: providerParams, query: z.strictObject({ continue: continueField }) },
      problems: [],
      handler: async () => ({ kind: 'redirect', location: loginPath }),
    }),
    pageEndpoint({
      id: 'login.submit_provider',
      method: 'POST',
      path,
      summary: 'Its form: leads this browser to the identity provider',
      auth: { principals: ['public'] },
      rateLimit: 'pages',
      request: {
        params: providerParams,
        form: z.strictObject({ continue: continueField, invitation: linkToken.optional() }),
      },
      problems: ['not_found'],
      handler: ({ params, body, caller }) => start(flow, params.provider, body, caller),
      refused: buttonOfAnotherPage,
    }),
  ];
}

function callbackPages(flow: ProviderPages): readonly Endpoint[] {
  const callback = `${path}/callback` as const;
  return [
    pageEndpoint({
      id: 'login.provider_callback',
      method: 'GET',
      path: callback,
      changesByGet: true,
      summary: 'Where the identity provider sends the browser: signs it in, or links the identity',
      auth: { principals: ['public', 'session'] },
      rateLimit: 'pages',
      request: { params: providerParams, query: callbackQuery },
      problems: ['email_not_verified', 'busy'],
      handler: ({ params, query, principal, caller }) => arrive(flow, params.provider, query, principal, caller),
    }),
    pageEndpoint({
      id: 'login.provider_form_callback',
      method: 'POST',
      path: callback,
      foreignForm: true,
      summary: 'The same for providers that send a form: leads to the GET, with which browsers send our cookies',
      auth: { principals: ['public'] },
      rateLimit: 'pages',
      request: { params: providerParams, form: callbackForm },
      problems: [],
      handler: async ({ params, body }) => {
        const sent = Object.entries(body).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
        const query = new URLSearchParams(sent).toString();
        return { kind: 'redirect', location: `/login/with/${params.provider}/callback?${query}` };
      },
      // The form is the provider's.
      refused: () => undefined,
    }),
  ];
}

async function start(
  flow: ProviderPages,
  providerId: string,
  { continue: continueText, invitation }: { continue?: string | undefined; invitation?: string | undefined },
  caller: Caller,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const continueTo = flow.returnAddresses.readOptional(continueText);
  if (continueTo === 'refused') return refusedAddressPage(flow, words, continueText ?? '');
  try {
    const leaving = {
      purpose: 'login',
      providerId,
      browserSecret: caller.loginCookie,
      continueTo: continueTo?.text,
      invitationId: invitation === undefined ? undefined : await readInvitation(flow, invitation),
    } as const;
    return departurePage(words, await leaveFor(flow, leaving));
  } catch (error) {
    return unreachable(flow, words, error);
  }
}

/** The id of the invitation of a link. @throws Problem `registration_closed`; `invalid_token` unless it is active. */
async function readInvitation({ mode, database, clock }: ProviderPages, text: string): Promise<string> {
  if (mode === 'closed') throw new Problem('registration_closed');
  const invitation = await findActiveInvitation(database, text, clock.now());
  if (invitation === undefined) throw new Problem('invalid_token');
  return invitation.id;
}

/** A button on the page of another flow, with nothing typed: the problem has a page of its own, which leads back. */
export const buttonOfAnotherPage = () => undefined;

/** The page that leads to the provider: a form never leaves our origin by a redirect (invariant 24). */
export function departurePage(words: PageWords, { provider, url, cookies }: Departure): PageResponse {
  const { href: text, host } = url;
  return leadTo(words, { kind: 'application', text, host, application: provider.name }, cookies);
}

/** The page of a provider that cannot be reached, or of a refusal that has a page; throws every other error. */
export function unreachable(flow: ProviderPages, words: PageWords, error: unknown): PageResponse {
  const refused = pageOfProblem(words, error);
  if (refused !== undefined) return refused;
  if (!(error instanceof ProviderRefusal)) throw error;
  report(flow, error);
  return failedPage(words, error.kind);
}

function report({ logger }: ProviderPages, { kind, message, cause }: ProviderRefusal): void {
  if (kind !== 'denied')
    logger.warn('an identity provider identified no one', { outcome: kind, detail: message, error: cause });
}

async function arrive(
  flow: ProviderPages,
  providerId: string,
  callback: CallbackParameters,
  principal: Principal | undefined,
  caller: Caller,
): Promise<PageResponse> {
  // Code and state are secrets of this browser, so that no link to another language repeats them.
  const words = wordsOf(flow.catalogues, { ...caller, ownQuery: {} });
  const presented = { providerId, browserSecret: caller.loginCookie };
  const arrival = await arriveFrom(flow, presented, callback, (refusal) => report(flow, refusal));
  if (typeof arrival === 'string') return failedPage(words, arrival);
  try {
    return entryPage(flow, words, providerId, await enter(flow, arrival, principal, caller));
  } catch (error) {
    const back = arrival.login.purpose === 'link' ? connectionsPath : loginPath;
    const shown = pageOfProblem(words, error, back);
    if (shown === undefined) throw error;
    return shown;
  }
}

function entryPage(flow: ProviderPages, words: PageWords, providerId: string, entry: Entry): PageResponse {
  switch (entry.kind) {
    case 'login':
      return leadOn(flow, words, entry.result);
    case 'linked':
      return { kind: 'redirect', location: `${connectionsPath}?done=connected` };
    case 'mailed': {
      const { text: value, expiresAt } = entry.ticket;
      return {
        kind: 'redirect',
        location: checkMailPath,
        cookies: [{ cookie: 'ticket', change: { value, expiresAt } }],
      };
    }
    case 'email_needed':
      return { kind: 'redirect', location: `/login/with/${providerId}/email` };
    case 'connect':
      return connectPage(words, entry.continueTo);
  }
}

/** The provider proves the address, so its owner may learn that it has an account here. */
function connectPage({ say, ...words }: PageWords, continueTo: string | null): PageResponse {
  const signIn = withContinue(loginPath, withContinue(loginLinkPath, continueTo ?? undefined));
  const shown = page({
    words: { say, ...words },
    title: say('page.provider.connect_title'),
    lead: say('page.provider.connect'),
    icon: 'link',
    body: stack(linkButton({ label: say('page.provider.connect_sign_in'), path: signIn })),
  });
  return { kind: 'html', status: 200, html: shown };
}
