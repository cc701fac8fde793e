/**
 * The table of problems (RFC 9457). A rejection is `throw new Problem(code)`: the client reads this table, the log reads
 * a different argument, so neither can leak into the other (invariant 11). Clients decide by the code, so no code is
 * ever renamed; titles and details are for people and may change.
 */

interface ProblemType {
  readonly status: number;
  readonly title: string;
  /** The text for the client: what happened and what to do next. The same for known and unknown accounts (invariant 13). */
  readonly detail: string;
  /** For developers, outside production only: what to run or to send. */
  readonly hint?: string;
}

export const problems = {
  malformed_json: { status: 400, title: 'Malformed JSON', detail: 'The request body is not valid JSON.' },
  duplicate_key: { status: 400, title: 'Duplicate key', detail: 'The JSON body contains a key twice.' },
  forbidden_key: { status: 400, title: 'Forbidden key', detail: 'The request contains a key that is never accepted.' },
  too_deep: { status: 400, title: 'Nested too deeply', detail: 'The JSON body is nested too deeply.' },
  malformed_request: { status: 400, title: 'Malformed request', detail: 'The request could not be read.' },
  validation_failed: { status: 422, title: 'Fields not valid', detail: 'Some fields are not valid. See "errors".' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'This content type is not accepted here. Send application/json.',
    hint: 'Send the header "Content-Type: application/json". The only charset is UTF-8.',
  },
  body_too_large: { status: 413, title: 'Body too large', detail: 'The request body is too large.' },
  header_fields_too_large: { status: 431, title: 'Headers too large', detail: 'The request headers are too large.' },
  uri_too_long: { status: 414, title: 'URL too long', detail: 'The URL of the request is too long.' },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    detail: 'The request did not arrive in time. Send it again.',
  },
  expectation_failed: {
    status: 417,
    title: 'Expectation failed',
    detail: 'The "Expect" header of the request cannot be met.',
  },
  not_found: { status: 404, title: 'Not found', detail: 'There is nothing at this address.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This method is not allowed here. See the "Allow" header.',
  },
  not_authenticated: {
    status: 401,
    title: 'Not signed in',
    detail: 'Sign in first. A valid access token or session cookie is required.',
    hint: 'POST /api/v1/auth/login, then send "Authorization: Bearer <accessToken>". "WWW-Authenticate" says what is wrong with a token.',
  },
  forbidden: { status: 403, title: 'Forbidden', detail: 'You are not allowed to do this.' },
  cross_site_request: {
    status: 403,
    title: 'Cross-site request',
    detail:
      'This request came from another site, so nothing was changed. With cookies, only pages of this site may send it.',
    hint: 'Without cookies, listed origins may: run "latchkey client origins" to see them, and "latchkey client set-origins --origin <origin>" to list yours.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Wrong email or password',
    detail: 'This email and password do not belong together. Check both and try again.',
  },
  email_not_verified: {
    status: 403,
    title: 'Email not confirmed',
    detail: 'Open the link that we sent to this email, or ask for a new one.',
    hint: 'Without SMTP_URL the mail is in the inbox, whose address "latchkey serve" prints at its start.',
  },
  account_disabled: {
    status: 403,
    title: 'Account disabled',
    detail: 'This account is disabled. Contact the operator of this service.',
  },
  invalid_password: { status: 403, title: 'Wrong password', detail: 'The current password is wrong.' },
  session_cookie_required: {
    status: 403,
    title: 'Session cookie required',
    detail: 'Only a session cookie gets an access token here. Exchange your refresh token instead.',
  },
  login_incomplete: { status: 403, title: 'Sign-in not finished', detail: 'This sign-in needs one more step.' },
  step_up_required: {
    status: 401,
    title: 'Confirm that it is you',
    detail: 'You signed in a while ago. Confirm that it is you, then try again.',
    hint: 'POST /api/v1/auth/step-up, then repeat the request with the new session. A login confirms it too.',
  },
  invalid_ticket: {
    status: 401,
    title: 'Sign-in expired',
    detail: 'This sign-in took too long or was already finished. Sign in again.',
  },
  not_enabled: {
    status: 404,
    title: 'Not enabled',
    detail: 'This feature is not enabled here.',
    hint: 'Run "latchkey config print" to see the settings, and docs/reference/configuration.md for the one that enables it.',
  },
  invalid_code: {
    status: 401,
    title: 'Code not valid',
    detail:
      'This code is wrong, was already used, has expired, or was tried too often. Use the newest one, or ask for another.',
  },
  enrollment_expired: {
    status: 409,
    title: 'Set-up expired',
    detail: 'This set-up took too long or was started again. Start it again.',
  },
  no_second_factor: {
    status: 409,
    title: 'No second factor',
    detail: 'This account has no second factor. Set one up first.',
  },
  passkeys_unavailable: {
    status: 409,
    title: 'Passkeys not available',
    detail: 'Passkeys cannot be used here. Sign in another way.',
    hint: 'LATCHKEY_PASSKEYS turns them on. They need a domain: open http://localhost instead of an IP address, or set LATCHKEY_PUBLIC_URL.',
  },
  invalid_passkey: {
    status: 401,
    title: 'Passkey not accepted',
    detail: 'This passkey was not accepted. Try again, or sign in another way.',
    hint: 'Ask for new options for each attempt, from the same browser or with the same "browserToken". The origin of the page must be listed in LATCHKEY_PASSKEY_ORIGINS.',
  },
  unknown_passkey: {
    status: 401,
    title: 'Passkey not known',
    detail:
      'This passkey was removed from the account, or is of another one. Use another passkey, or sign in another way.',
  },
  passkey_exists: {
    status: 409,
    title: 'Passkey already added',
    detail: 'This passkey was already added. Use another device or security key.',
  },
  too_many_passkeys: {
    status: 409,
    title: 'Too many passkeys',
    detail: 'This account has 20 passkeys, and cannot have more. Remove one first.',
  },
  passkey_not_allowed: {
    status: 409,
    title: 'Passkey not allowed',
    detail: 'Only passkeys that stay on one device can be added here. Use a security key.',
  },
  invalid_provider_login: {
    status: 401,
    title: 'Sign-in not completed',
    detail: 'Signing in with this provider was not completed. Start again, or sign in another way.',
  },
  account_exists: {
    status: 409,
    title: 'Account already exists',
    detail: 'This email already has an account. Sign in to it another way, then connect the provider.',
  },
  email_required: {
    status: 422,
    title: 'Email required',
    detail: 'The provider gave no email. Ask for one, and send it in "email".',
  },
  identity_suspended: {
    status: 403,
    title: 'Sign-in with this provider is paused',
    detail:
      'The password of this account was reset by email, so this way to sign in is paused. Sign in another way, then connect the provider again.',
  },
  identity_taken: {
    status: 409,
    title: 'Account already connected',
    detail: 'This account at the provider is connected to another account here. Use another one.',
  },
  identity_not_found: {
    status: 404,
    title: 'Connection not found',
    detail: 'This account has no such connection.',
  },
  last_login_method: {
    status: 409,
    title: 'Last way to sign in',
    detail: 'This is the only way to sign in to this account. Set a password or add a passkey first.',
  },
  passkey_not_found: { status: 404, title: 'Passkey not found', detail: 'This account has no such passkey.' },
  second_factor_required: {
    status: 409,
    title: 'Second factor required',
    detail: 'This account must keep a second factor. Set up another one instead of removing it.',
  },
  other_browser: {
    status: 403,
    title: 'Link for another browser',
    detail: 'This link works only in the browser in which you asked for it. Open it there, or ask for a new one here.',
  },
  registration_closed: {
    status: 403,
    title: 'Sign-up closed',
    detail: 'Sign-up is not open here.',
    hint: 'LATCHKEY_REGISTRATION=open opens it. "latchkey user create" and "latchkey invite create" add single users.',
  },
  email_domain_not_allowed: {
    status: 403,
    title: 'Email domain not allowed',
    detail: 'Emails of this domain cannot sign up here. Use another email.',
    hint: 'See LATCHKEY_EMAIL_DOMAINS_ALLOW and LATCHKEY_EMAIL_DOMAINS_DENY.',
  },
  registration_refused: { status: 403, title: 'Sign-up refused', detail: 'This sign-up was not accepted.' },
  invalid_token: {
    status: 400,
    title: 'Link not valid',
    detail: 'This link was already used, was replaced, or has expired. Ask for a new one.',
  },
  email_unavailable: {
    status: 409,
    title: 'Email not available',
    detail: 'This email cannot be used for this account. Use another email.',
  },
  password_required: {
    status: 422,
    title: 'Password required',
    detail: 'This link needs a new password. Send one with it.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Refresh token not valid',
    detail: 'This refresh token is no longer valid. Sign in again.',
  },
  device_not_found: { status: 404, title: 'Device not found', detail: 'You have no such device.' },
  session_not_found: { status: 404, title: 'Session not found', detail: 'You have no such session.' },
  too_many_requests: {
    status: 429,
    title: 'Too many requests',
    detail: 'Too many requests. Try again later.',
    hint: 'The header "RateLimit-Policy" names the quota; the settings LATCHKEY_LIMIT_… raise it.',
  },
  busy: { status: 503, title: 'Busy', detail: 'The server is busy. Try again in a moment.' },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    detail: 'The server is not available right now. Try again in a moment.',
  },
  outcome_unknown: {
    status: 503,
    title: 'Outcome unknown',
    detail: 'The connection to the database was lost. Check whether the change was made before you try again.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    detail: 'Something went wrong on our side. Try again later.',
    hint: 'The log line with this request id has the error.',
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemCode = keyof typeof problems;

/** Advice for a developer, outside production only. */
export function hintOf(code: ProblemCode): string | undefined {
  return (problems[code] as ProblemType).hint;
}

/** One field that is not valid. */
export interface FieldError {
  /** A JSON Pointer (RFC 6901). */
  readonly path: string;
  readonly code: string;
  /** A sentence for the user. */
  readonly message: string;
}

/** The details of a problem beyond its code. */
export interface ProblemOptions {
  readonly errors?: readonly FieldError[];
  /** A sentence for the client behind the table's detail. It has no text of the request (invariant 11). */
  readonly advice?: string;
  /** Becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Why a bearer token was rejected: becomes `error_description` of `WWW-Authenticate` (RFC 6750 §3). */
  readonly tokenRefusal?: string;
  /** How recent the authentication must be: becomes `max_age` of `WWW-Authenticate` (RFC 9470 §3). */
  readonly maxAgeSeconds?: number;
  /** For the log only; never reaches the client. */
  readonly log?: string;
  readonly cause?: unknown;
}

/** The client receives the table's entry, `errors`, `advice`, `retryAfterSeconds`, `tokenRefusal` and `maxAgeSeconds`, and nothing else. */
export class Problem extends Error {
  override name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors: readonly FieldError[];
  readonly advice: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly tokenRefusal: string | undefined;
  readonly maxAgeSeconds: number | undefined;
  readonly log: string | undefined;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = problems[code].status;
    this.errors = Object.freeze([...(options.errors ?? [])]);
    this.advice = options.advice;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.tokenRefusal = options.tokenRefusal;
    this.maxAgeSeconds = options.maxAgeSeconds;
    this.log = options.log;
  }
}
