/**
 * A problem on a page: what happened, what did not, and what to do next, in the reader's language and never as a bare status.
 * The JSON form of the same document is `platform/http`'s.
 */
import type { ProblemCode } from '#kernel/problem.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { ProblemDocument } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { linkButton, stack } from './form.ts';
import type { IconName } from './icon.ts';
import { waitText } from './notice.ts';
import { loginPath } from './own-path.ts';
import { page, type Tone } from './page.ts';

/** Words that several problems share: people need less detail than programs. Their keys are below `page.problem`. */
type Story = keyof typeof stories;

interface Look {
  readonly icon: IconName;
  readonly tone: Tone;
  /** The next act: the same again, or a start at the sign-in page. */
  readonly next: 'again' | 'sign_in';
}

const stories = {
  busy: { icon: 'clock', tone: 'warn', next: 'again' },
  closed: { icon: 'stop', tone: 'warn', next: 'sign_in' },
  disabled: { icon: 'stop', tone: 'wrong', next: 'sign_in' },
  elsewhere: { icon: 'alert', tone: 'wrong', next: 'sign_in' },
  expired: { icon: 'clock', tone: 'warn', next: 'sign_in' },
  form: { icon: 'alert', tone: 'wrong', next: 'again' },
  internal: { icon: 'alert', tone: 'wrong', next: 'again' },
  link: { icon: 'unlink', tone: 'wrong', next: 'sign_in' },
  not_allowed: { icon: 'stop', tone: 'wrong', next: 'sign_in' },
  not_possible: { icon: 'stop', tone: 'warn', next: 'sign_in' },
  nothing: { icon: 'unlink', tone: 'warn', next: 'sign_in' },
  other_browser: { icon: 'unlink', tone: 'warn', next: 'sign_in' },
  passkey: { icon: 'passkey', tone: 'wrong', next: 'again' },
  proof: { icon: 'stop', tone: 'wrong', next: 'again' },
  sign_in: { icon: 'user', tone: 'warn', next: 'sign_in' },
  unreadable: { icon: 'alert', tone: 'wrong', next: 'again' },
  unsure: { icon: 'alert', tone: 'warn', next: 'again' },
  unverified: { icon: 'mail', tone: 'warn', next: 'sign_in' },
  wait: { icon: 'clock', tone: 'warn', next: 'again' },
} as const satisfies Readonly<Record<string, Look>>;

const storyOf: Readonly<Record<ProblemCode, Story>> = {
  malformed_json: 'unreadable',
  duplicate_key: 'unreadable',
  forbidden_key: 'unreadable',
  too_deep: 'unreadable',
  malformed_request: 'unreadable',
  unsupported_media_type: 'unreadable',
  body_too_large: 'unreadable',
  header_fields_too_large: 'unreadable',
  uri_too_long: 'unreadable',
  request_timeout: 'unreadable',
  expectation_failed: 'unreadable',
  validation_failed: 'form',
  not_found: 'nothing',
  method_not_allowed: 'nothing',
  passkey_not_found: 'nothing',
  identity_not_found: 'nothing',
  session_not_found: 'nothing',
  device_not_found: 'nothing',
  not_authenticated: 'sign_in',
  session_cookie_required: 'sign_in',
  invalid_refresh_token: 'sign_in',
  step_up_required: 'sign_in',
  forbidden: 'not_allowed',
  cross_site_request: 'elsewhere',
  invalid_credentials: 'proof',
  invalid_password: 'proof',
  invalid_code: 'proof',
  password_required: 'proof',
  email_not_verified: 'unverified',
  account_disabled: 'disabled',
  invalid_ticket: 'expired',
  invalid_provider_login: 'expired',
  login_incomplete: 'expired',
  enrollment_expired: 'expired',
  not_enabled: 'not_possible',
  no_second_factor: 'not_possible',
  second_factor_required: 'not_possible',
  email_unavailable: 'not_possible',
  account_exists: 'not_possible',
  email_required: 'form',
  identity_suspended: 'not_possible',
  identity_taken: 'not_possible',
  last_login_method: 'not_possible',
  too_many_passkeys: 'not_possible',
  passkey_exists: 'passkey',
  passkey_not_allowed: 'passkey',
  passkeys_unavailable: 'passkey',
  invalid_passkey: 'passkey',
  unknown_passkey: 'passkey',
  other_browser: 'other_browser',
  registration_closed: 'closed',
  registration_refused: 'closed',
  email_domain_not_allowed: 'closed',
  invalid_token: 'link',
  too_many_requests: 'wait',
  busy: 'busy',
  unavailable: 'busy',
  outcome_unknown: 'unsure',
  internal: 'internal',
};

interface Trial {
  readonly retryAfterSeconds?: number | undefined;
  /** Of the page that is to be tried again; without one, all of its address. */
  readonly query?: Readonly<Record<string, string>> | undefined;
}

export function problemPage(
  words: PageWords,
  { code, errors, meta }: ProblemDocument,
  { retryAfterSeconds, query = {} }: Trial = {},
): Html {
  const { say } = words;
  const story = isIncompleteLink({ code, errors }) ? 'link' : storyOf[code];
  const { icon, tone, next } = stories[story];
  const address = Object.keys(query).length === 0 ? '' : `?${new URLSearchParams(query).toString()}`;
  const again = html`<a class="button" href="${address}">${say('page.problem.again')}</a>`;
  const signIn = linkButton({
    label: say('page.problem.to_sign_in'),
    path: loginPath,
    ...(next === 'again' && { kind: 'quiet' }),
  });
  // The messages are those of the schema, in English.
  const fields = story === 'form' ? errors.map(({ message }) => html`<li>${message}</li>`) : [];
  return page({
    words,
    title: say(`page.problem.${story}.title`),
    lead: story === 'wait' ? waitText(words, retryAfterSeconds) : say(`page.problem.${story}.text`),
    icon,
    tone,
    body: html`${fields.length > 0 && html`<ul lang="en">${fields}</ul>`}
${stack(next === 'again' && again, signIn, story === 'disabled' && helpLink(words))}`,
    beneath: html`<span class="small">${say('page.problem.reference')} <span class="code" dir="ltr">${meta.requestId.slice(0, shortLength)}</span></span>`,
  });
}

/** A mailed link that lost its secret, as when a mail program breaks the line. */
function isIncompleteLink({ code, errors }: Pick<ProblemDocument, 'code' | 'errors'>): boolean {
  return code === 'validation_failed' && errors.length > 0 && errors.every(({ path }) => path === '/token');
}

/** The beginning of the request's id: enough to find the line of the log, and short enough to read out. */
const shortLength = 13;

function helpLink({ brand, say }: PageWords): Html | undefined {
  const help = brand.links.find(({ kind }) => kind === 'help');
  return help && html`<a class="button quiet" href="${help.url}">${say('page.foot.help')}</a>`;
}
