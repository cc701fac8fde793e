/** `/login/passkey`: takes the response that the script of the sign-in page puts into its form. */

import { z } from 'zod';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { loginRedirect } from '#pages/login-step.ts';
import { loginPath, toOwnPath, withContinue } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { credentialField, passkeySignal, readCredential } from '#pages/passkey-form.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { type AuthenticationResponseJson, authenticationResponseSchema } from '#protocol/webauthn/index.ts';
import { type LoginByPasskey, loginByPasskey } from './login-by-passkey.ts';

/** Dependencies of the page. */
export type PasskeyPages = LoginByPasskey & { readonly catalogues: Catalogues };

const path = '/login/passkey';

const fields = z.strictObject({ credential: credentialField, continue: z.string().max(2000).optional() });

export function passkeyPages(flow: PasskeyPages): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'login.show_passkey',
      method: 'GET',
      path,
      summary: 'Leads to the sign-in page, whose script sends the form',
      auth: { principals: ['public'] },
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async () => ({ kind: 'redirect', location: loginPath }),
    }),
    pageEndpoint({
      id: 'login.submit_passkey',
      method: 'POST',
      path,
      summary: 'The form of a passkey: signs this browser in',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      callsApi: true,
      request: { form: fields },
      problems: ['passkeys_unavailable', 'email_not_verified'],
      handler: ({ body, caller }) => submit(flow, body, caller),
    }),
  ];
}

/** The refusals that the page explains; any other one is a problem page. */
const refusals: Partial<Readonly<Record<ProblemCode, string>>> = {
  invalid_passkey: 'page.passkey.refused',
  unknown_passkey: 'page.passkey.unknown',
  account_disabled: 'page.login.disabled',
};

async function submit(flow: PasskeyPages, typed: z.output<typeof fields>, caller: Caller): Promise<PageResponse> {
  const continueTo = typed.continue === undefined ? undefined : toOwnPath(typed.continue);
  const credential = readCredential(typed.credential, authenticationResponseSchema);
  const presented = {
    browserSecret: caller.loginCookie,
    transport: 'cookie',
    deviceToken: caller.deviceCookie,
    browserHash: caller.browserHash,
    continueTo,
  } as const;
  try {
    if (credential === undefined) throw new Problem('invalid_passkey', { log: 'the form has no response' });
    return loginRedirect(await loginByPasskey(flow, { ...presented, credential }, caller));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const text = refusals[error.code];
    if (text === undefined) throw error;
    return refused(flow, caller, { text, status: error.status, continueTo, unknown: unknownOf(error, credential) });
  }
}

function unknownOf({ code }: Problem, credential: AuthenticationResponseJson | undefined): string | undefined {
  return code === 'unknown_passkey' ? credential?.id : undefined;
}

interface Refused {
  readonly text: string;
  readonly status: number;
  readonly continueTo: string | undefined;
  /** The id of a passkey that the authenticator may forget. */
  readonly unknown: string | undefined;
}

function refused(
  { catalogues, passkeys: { rpId } }: PasskeyPages,
  caller: Caller,
  { text, status, continueTo, unknown }: Refused,
): PageResponse {
  const words = wordsOf(catalogues, caller);
  const { say } = words;
  const body = html`<p>${say(text)}</p>
<p><a class="button" href="${withContinue(loginPath, continueTo)}">${say('page.login.back')}</a></p>
${passkeySignal('signalUnknownCredential', unknown === undefined ? undefined : { rpId, credentialId: unknown })}`;
  const title = say('page.passkey.refused_title');
  return { kind: 'html', status, html: page({ title, words, body, script: passkeyScriptPath }) };
}
