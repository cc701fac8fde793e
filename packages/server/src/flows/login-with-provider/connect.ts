/** `/account/connections/connect`: a session leaves for a provider, and comes back with the identity that it links. */
import { z } from 'zod';
import { formStepUp } from '#pages/account-form.ts';
import { connectionsPath } from '#pages/own-path.ts';
import { wordsOf } from '#pages/words.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import { leaveFor } from './at-provider.ts';
import { buttonOfAnotherPage, departurePage, type ProviderPages, unreachable } from './pages.ts';

const path = `${connectionsPath}/connect` as const;

export function connectEndpoint(flow: ProviderPages): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds };
  return [
    pageEndpoint({
      id: 'identities.show_connect',
      method: 'GET',
      path,
      summary: 'Leads to the connections, whose forms connect',
      auth: { principals: ['session'], stepUp },
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async () => ({ kind: 'redirect', location: connectionsPath }),
    }),
    pageEndpoint({
      id: 'identities.submit_connect',
      method: 'POST',
      path,
      summary: 'Its form: leads to the identity provider, whose identity is then linked to this account',
      auth: { principals: ['session'], stepUp: formStepUp(stepUp) },
      rateLimit: 'pages',
      request: { form: z.strictObject({ provider: z.string().max(32) }) },
      problems: ['not_found'],
      handler: ({ body, principal, caller }) => connect(flow, body.provider, principal, caller),
      refused: buttonOfAnotherPage,
    }),
  ];
}

async function connect(
  flow: ProviderPages,
  providerId: string,
  { sessionId }: Principal,
  caller: Caller,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const browserSecret = caller.loginCookie;
  const leaving = { purpose: 'link', sessionId, providerId, browserSecret, continueTo: undefined } as const;
  try {
    return departurePage(words, await leaveFor(flow, leaving));
  } catch (error) {
    return unreachable(flow, words, error);
  }
}
