/** `/login/passkey`: takes the response that the script of the sign-in page puts into its form. */

import { z } from 'zod';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { refusedAddressPage } from '#pages/continue-page.ts';
import { type LeadsOn, leadOn } from '#pages/login-step.ts';
import { alert, refusal } from '#pages/notice.ts';
import { loginPath, withContinue } from '#pages/own-path.ts';
import { credentialField, passkeySignal, readCredential } from '#pages/passkey-form.ts';
import { continueField, type ReturnAddress } from '#pages/return-address.ts';
import { wordsOf } from '#pages/words.ts';
import type { Html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { type AuthenticationResponseJson, authenticationResponseSchema } from '#protocol/webauthn/index.ts';
import { type LoginByPasskey, loginByPasskey } from './login-by-passkey.ts';

/** A refused passkey, above the form of the sign-in page. */
export interface RefusedPasskey {
  readonly status: number;
  readonly continueTo: ReturnAddress | undefined;
  readonly notice: Html;
  /** Lets the authenticator forget a passkey that is unknown here. */
  readonly signal: Html | undefined;
}

/** Dependencies of the page. */
export type PasskeyPages = LoginByPasskey &
  LeadsOn & {
    readonly catalogues: Catalogues;
    /** The sign-in page, of another flow. */
    readonly signInPage: (words: PageWords, refused: RefusedPasskey) => PageResponse;
  };

const path = '/login/passkey';

const fields = z.strictObject({ credential: credentialField, continue: continueField });

export function passkeyPages(flow: PasskeyPages): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'login.show_passkey',
      method: 'GET',
      path,
      summary: 'Leads to the sign-in page, whose script sends the form',
      auth: { principals: ['public'] },
      rateLimit: 'pages',
      request: { query: z.strictObject({ continue: continueField }) },
      problems: [],
      handler: async ({ query }) => ({ kind: 'redirect', location: withContinue(loginPath, query.continue) }),
    }),
    pageEndpoint({
      id: 'login.submit_passkey',
      method: 'POST',
      path,
      shownAt: loginPath,
      summary: 'The form of a passkey: signs this browser in',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      callsApi: true,
      request: { form: fields },
      problems: ['passkeys_unavailable', 'email_not_verified'],
      handler: ({ body, caller }) => submit(flow, body, caller),
      refused: ({ body: { continue: text }, caller, problem }) => {
        const words = wordsOf(flow.catalogues, caller);
        const continueTo = flow.returnAddresses.readOptional(text);
        if (continueTo === 'refused') return refusedAddressPage(flow, words, text ?? '');
        return flow.signInPage(words, { status: 200, continueTo, notice: refusal(words, problem), signal: undefined });
      },
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
  const words = wordsOf(flow.catalogues, caller);
  const continueTo = flow.returnAddresses.readOptional(typed.continue);
  if (continueTo === 'refused') return refusedAddressPage(flow, words, typed.continue ?? '');
  const credential = readCredential(typed.credential, authenticationResponseSchema);
  const presented = {
    browserSecret: caller.loginCookie,
    transport: 'cookie',
    deviceToken: caller.deviceCookie,
    browserHash: caller.browserHash,
    continueTo: continueTo?.text,
  } as const;
  try {
    if (credential === undefined) throw new Problem('invalid_passkey', { log: 'the form has no response' });
    return leadOn(flow, words, await loginByPasskey(flow, { ...presented, credential }, caller));
  } catch (error) {
    const text = error instanceof Problem ? refusals[error.code] : undefined;
    if (!(error instanceof Problem) || text === undefined) throw error;
    const notice = alert(words.say(text));
    const signal = signalOfUnknown(flow, error, credential);
    return flow.signInPage(words, { status: error.status, continueTo, notice, signal });
  }
}

function signalOfUnknown(
  { passkeys: { rpId } }: PasskeyPages,
  { code }: Problem,
  credential: AuthenticationResponseJson | undefined,
): Html | undefined {
  const isUnknown = code === 'unknown_passkey' && credential !== undefined;
  return passkeySignal('signalUnknownCredential', isUnknown ? { rpId, credentialId: credential.id } : undefined);
}
