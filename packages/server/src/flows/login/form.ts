/** The form of `/login`, as every page shows it that leads back to it: fresh, and with what was typed after a refusal. */
import { acceptsPasskeys, type PasskeySettings } from '#domain/passkeys/index.ts';
import { button, field, hiddenField, or, passwordField, postForm, stack } from '#pages/form.ts';
import { forgotPasswordPath, loginPath, withContinue } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { passkeyForm } from '#pages/passkey-form.ts';
import { type OfferedProviders, providerButtons } from '#pages/provider-buttons.ts';
import type { ReturnAddress } from '#pages/return-address.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { registerPath } from '#pages/sign-up-paths.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, PageResponse } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';

/** A way to sign in by mail. */
export type MailedWay = 'magic_link' | 'email_code';

/** The ways by mail as this page offers them. The flow of logins by mail provides them. */
export interface MailedWays {
  /** Whether settings enable it. */
  readonly isEnabled: (way: MailedWay) => boolean;
  /** Enqueues the mail, and returns the page after the request, the same for every address. Throws `not_enabled`. */
  readonly request: (
    way: MailedWay,
    asked: { readonly canonical: string; readonly continueTo: ReturnAddress | undefined },
    caller: Caller,
  ) => Promise<PageResponse>;
}

/** Dependencies of the form. */
export interface SignInForm {
  readonly mailedWays: MailedWays;
  readonly passkeys: PasskeySettings;
  readonly identityProviders: OfferedProviders;
  /** Whether a stranger may create an account. */
  readonly isRegistrationOpen: boolean;
}

export interface Complaints {
  readonly email: string | undefined;
  readonly password: string | undefined;
}

/** The typed values, and the sentences about them. */
export interface ShownForm {
  readonly status: number;
  readonly email?: string;
  readonly continueTo: ReturnAddress | undefined;
  /** Above the form: what was refused, or what was done. */
  readonly notice?: Html | undefined;
  readonly complaints?: Complaints;
  /** For the scripts of the page. */
  readonly signal?: Html | undefined;
}

const formId = 'sign-in';

export function signInPage(flow: SignInForm, words: PageWords, shown: ShownForm): PageResponse {
  const { say } = words;
  const { continueTo, notice, status } = shown;
  const hasPasskeys = acceptsPasskeys(flow.passkeys);
  const body = html`${notice}${postForm(loginPath, passwordFields(words, shown, hasPasskeys), { id: formId })}
${otherWays(flow, words, shown)}${shown.signal}`;
  const shownPage = page({
    title: say('page.login.title'),
    lead: leadOf(words, continueTo),
    words,
    body,
    beneath: flow.isRegistrationOpen ? signUpLink(words, continueTo) : undefined,
    script: hasPasskeys ? passkeyScriptPath : undefined,
  });
  return { kind: 'html', status, html: shownPage };
}

function leadOf({ say }: PageWords, continueTo: ReturnAddress | undefined): string | undefined {
  if (continueTo?.kind !== 'application') return undefined;
  return say('page.login.to_continue', { application: continueTo.application });
}

function passwordFields(
  words: PageWords,
  { email = '', continueTo, complaints }: ShownForm,
  hasPasskeys: boolean,
): Html {
  const { say } = words;
  const isEmailNext = email === '' || complaints?.email !== undefined;
  return html`${continueTo !== undefined && hiddenField('continue', continueTo.text)}
${field({
  name: 'email',
  label: say('page.email.label'),
  type: 'email',
  autocomplete: hasPasskeys ? 'username webauthn' : 'username',
  value: email,
  isVerbatim: true,
  hasFocus: isEmailNext,
  complaint: complaints?.email,
})}
${passwordField(words, {
  name: 'password',
  label: say('page.login.password'),
  autocomplete: 'current-password',
  aside: html`<a href="${withContinue(forgotPasswordPath, continueTo?.text)}">${say('page.login.forgot')}</a>`,
  hasFocus: !isEmailNext,
  complaint: complaints?.password,
})}
${button({ label: say('page.login.submit') })}`;
}

/** The passkey has a form of its own, which its script sends; the buttons of the mails belong to the form of the email. */
function otherWays(flow: SignInForm, words: PageWords, { continueTo }: ShownForm): Html | undefined {
  const { say } = words;
  const { mailedWays, passkeys } = flow;
  const mails = (['magic_link', 'email_code'] as const).filter((way) => mailedWays.isEnabled(way));
  const hasPasskeys = acceptsPasskeys(passkeys);
  const providers = providerButtons(words, flow.identityProviders, { continue: continueTo?.text });
  if (mails.length + providers.length === 0 && !hasPasskeys) return undefined;
  const byMail = mails.map((value) =>
    button({
      label: say(`page.login.${value}`),
      name: 'act',
      value,
      kind: 'plain',
      icon: value === 'magic_link' ? 'mail' : 'key',
      skipsFields: true,
      form: formId,
    }),
  );
  // Without a script the passkey's button is hidden, and so is the line above it if nothing else follows.
  return html`${or(say('page.login.or'), { needsScript: mails.length + providers.length === 0 })}
${stack(...providers, hasPasskeys && passkeyWay(words, continueTo), ...byMail)}`;
}

/** The script shows its button, and offers passkeys in the field of the email. */
function passkeyWay(words: PageWords, continueTo: ReturnAddress | undefined): Html {
  const options = { url: '/api/v1/auth/login/passkey/options', body: { transport: 'cookie' } };
  const choice = { label: words.say('page.passkey.button'), mode: 'autofill', options, look: 'plain' } as const;
  const more = continueTo && hiddenField('continue', continueTo.text);
  return passkeyForm('/login/passkey', words, [choice], more);
}

function signUpLink({ say }: PageWords, continueTo: ReturnAddress | undefined): Html {
  return html`${say('page.login.new_here')} <a href="${withContinue(registerPath, continueTo?.text)}">${say('page.login.create_account')}</a>`;
}
