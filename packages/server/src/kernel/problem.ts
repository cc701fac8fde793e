/**
 * The one table of refusals (RFC 9457). A refusal is `throw new Problem(code)`; what the client reads comes from this
 * table, what the log reads is a different argument, and the two can never be mixed up (invariant 11).
 * Codes are never renamed: clients decide by them.
 */

interface ProblemType {
  readonly status: number;
  readonly title: string;
  /** The sentence for the client; it may name what to do, never what we know about anybody. */
  readonly detail: string;
}

export const problems = {
  malformed_json: { status: 400, title: 'Malformed JSON', detail: 'The request body is not valid JSON.' },
  duplicate_key: { status: 400, title: 'Duplicate key', detail: 'The JSON body names a key twice.' },
  forbidden_key: { status: 400, title: 'Forbidden key', detail: 'The request names a key that is never accepted.' },
  too_deep: { status: 400, title: 'Nested too deeply', detail: 'The JSON body is nested too deeply.' },
  malformed_request: { status: 400, title: 'Malformed request', detail: 'The request could not be understood.' },
  validation_failed: { status: 422, title: 'Validation failed', detail: 'Some fields are not valid; see "errors".' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'This content type is not accepted here; send application/json.',
  },
  body_too_large: { status: 413, title: 'Body too large', detail: 'The request body is larger than allowed.' },
  header_fields_too_large: {
    status: 431,
    title: 'Header fields too large',
    detail: 'The request header fields are larger than allowed.',
  },
  uri_too_long: { status: 414, title: 'URI too long', detail: 'The request target is longer than allowed.' },
  request_timeout: { status: 408, title: 'Request timeout', detail: 'The request did not arrive in time.' },
  expectation_failed: { status: 417, title: 'Expectation failed', detail: 'The expectation cannot be met.' },
  not_found: { status: 404, title: 'Not found', detail: 'There is nothing at this address.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This method is not allowed here; see "Allow".',
  },
  not_authenticated: {
    status: 401,
    title: 'Not authenticated',
    detail: 'A valid access token or session cookie is required.',
  },
  forbidden: { status: 403, title: 'Forbidden', detail: 'This is not allowed.' },
  cross_site_request: {
    status: 403,
    title: 'Cross-site request',
    detail: 'A browser sends this from a page that may not ask for it: with cookies, only pages of this origin may.',
  },
  invalid_credentials: { status: 401, title: 'Invalid credentials', detail: 'The address or the password is wrong.' },
  email_not_verified: {
    status: 403,
    title: 'E-mail address not verified',
    detail: 'Open the link that was sent to this address, or ask for a new one.',
  },
  account_disabled: { status: 403, title: 'Account disabled', detail: 'This account is disabled.' },
  invalid_password: { status: 403, title: 'Invalid password', detail: 'The current password is wrong.' },
  login_incomplete: { status: 403, title: 'Login incomplete', detail: 'This login needs a further step.' },
  invalid_ticket: {
    status: 401,
    title: 'Invalid ticket',
    detail: 'This login took too long, or its ticket was used already; log in again.',
  },
  not_enabled: { status: 404, title: 'Not enabled', detail: 'This is not enabled here.' },
  invalid_code: {
    status: 401,
    title: 'Invalid code',
    detail: 'This code is not valid: it is wrong, was used, has expired, or too many were tried; ask for a new one.',
  },
  other_browser: {
    status: 403,
    title: 'Asked for in another browser',
    detail: 'This link works only in the browser in which it was asked for. Open it there, or ask for a new one here.',
  },
  registration_closed: { status: 403, title: 'Registration closed', detail: 'Registration is not open here.' },
  email_domain_not_allowed: {
    status: 403,
    title: 'Domain not allowed',
    detail: 'Nobody can register here with an address of this domain.',
  },
  registration_refused: {
    status: 403,
    title: 'Registration refused',
    detail: 'This registration was not accepted.',
  },
  invalid_token: {
    status: 400,
    title: 'Invalid link',
    detail: 'This link is not valid: it was used, replaced, or has expired.',
  },
  email_unavailable: {
    status: 409,
    title: 'Address not available',
    detail: 'This address cannot be used for this account.',
  },
  password_required: {
    status: 422,
    title: 'Password required',
    detail: 'This link carries no password; send a new one with it.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Invalid refresh token',
    detail: 'This refresh token is not valid any more; log in again.',
  },
  session_not_found: { status: 404, title: 'Session not found', detail: 'There is no such session of yours.' },
  too_many_requests: { status: 429, title: 'Too many requests', detail: 'Too many requests; try again later.' },
  busy: { status: 503, title: 'Busy', detail: 'The server is busy; try again in a moment.' },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    detail: 'The server cannot answer this now; try again in a moment.',
  },
  outcome_unknown: {
    status: 503,
    title: 'Outcome unknown',
    detail: 'The connection to the database was lost while this was under way; it may or may not have happened.',
  },
  internal: { status: 500, title: 'Internal error', detail: 'Something went wrong on our side.' },
} as const satisfies Record<string, ProblemType>;

/** The code of a refusal, stable for ever. */
export type ProblemCode = keyof typeof problems;

/** One field that is wrong: where (RFC 6901 JSON Pointer), what, and a sentence. */
export interface FieldError {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** What a refusal may carry beyond its code. */
export interface ProblemOptions {
  readonly errors?: readonly FieldError[];
  /** Seconds after which trying again makes sense; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** For the log only; never reaches the client. */
  readonly log?: string;
  readonly cause?: unknown;
}

/** A refusal. Everything the client may read is in the table above and in `errors`. */
export class Problem extends Error {
  override name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors: readonly FieldError[];
  readonly retryAfterSeconds: number | undefined;
  readonly log: string | undefined;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = problems[code].status;
    this.errors = Object.freeze([...(options.errors ?? [])]);
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.log = options.log;
  }
}
