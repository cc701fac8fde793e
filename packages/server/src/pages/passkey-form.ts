/**
 * The parts of pages that use passkeys. `passkey.js` shows the buttons, sends the options to the authenticator and submits the form; without a
 * script the forms have no button, and the page has other ways.
 */
import { z } from 'zod';
import type { ProblemCode } from '#kernel/problem.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { hiddenField, postForm, stack } from './form.ts';
import { icon } from './icon.ts';

/** The field that the script fills in; its longest response has 14 kB. */
export const credentialField = z.string().max(16_384);

/** Reads the field by the schema of the response. Undefined when it is none, as without a script. */
export function readCredential<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A button for the authenticator, with options of the page or of the API. */
export interface PasskeyButton {
  readonly label: string;
  /** `autofill` also offers passkeys in the field of the email. */
  readonly mode: 'button' | 'autofill';
  readonly options: object | { readonly url: string; readonly body?: object };
  /** The kind of a new passkey, which goes into the field `kind`. */
  readonly kind?: string;
  readonly look?: 'primary' | 'plain';
}

function passkeyButton({ label, mode, options, kind, look }: PasskeyButton): Html {
  const { url, body } = options as { readonly url?: string; readonly body?: object };
  const source =
    url === undefined
      ? html` data-passkey-options="${JSON.stringify(options)}"`
      : html` data-passkey-url="${url}"${body !== undefined && html` data-passkey-body="${JSON.stringify(body)}"`}`;
  const value = kind !== undefined && html` value="${kind}"`;
  return html`<button type="button" hidden data-passkey="${mode}"${source}${value}${look === 'plain' && html` class="plain"`}>${icon('passkey')}${label}</button>`;
}

/** The fields, the buttons and the sentence of a failure, for the content of a form. */
export function passkeyFields({ say }: PageWords, buttons: readonly PasskeyButton[], more?: Html): Html {
  return html`${hiddenField('credential', '')}
${more}${buttons.length > 1 ? stack(...buttons.map(passkeyButton)) : buttons.map(passkeyButton)}
<div class="note wrong" role="alert" hidden data-passkey-failed>${icon('stop')}<p>${say('page.passkey.failed')}</p></div>
${buttons.some(({ mode }) => mode === 'button') && html`<noscript><p>${say('page.passkey.no_script')}</p></noscript>`}`;
}

/** A form of its own. */
export function passkeyForm(
  action: `/${string}`,
  words: PageWords,
  buttons: readonly PasskeyButton[],
  more?: Html,
): Html {
  return postForm(action, passkeyFields(words, buttons, more));
}

/** The refusals of a registration that a form explains; any other one is a problem page. */
export const registrationRefusals: Partial<Readonly<Record<ProblemCode, string>>> = {
  invalid_passkey: 'page.add_passkey.refused',
  passkey_exists: 'page.add_passkey.exists',
  passkey_not_allowed: 'page.add_passkey.not_allowed',
  too_many_passkeys: 'page.add_passkey.too_many',
};

/** Calls a method of the Signal API (WebAuthn L3 §5.1.10) when the page is shown. */
export function passkeySignal(
  method: 'signalAllAcceptedCredentials' | 'signalUnknownCredential',
  argument: object | undefined,
): Html | undefined {
  return argument && html`<div hidden data-passkey-signal="${JSON.stringify([method, argument])}"></div>`;
}
