/**
 * Who is answered what, by operation and principal: reviewed by hand, never computed from the declarations.
 * An operation without a row fails the test of this table, and so does a row without an operation.
 */

/** What a request can say about who asks. */
export const principals = [
  'nobody',
  'live token',
  'live cookie, same-origin',
  'live cookie, our Origin alone',
  'live cookie, cross-site',
  'live cookie, same-site',
  'live cookie, a foreign Origin alone',
  'live cookie, nothing said of the site',
  'live token beside a stranger’s cookie, cross-site',
  'dead token beside a live cookie',
  'Basic beside a live cookie',
  'token of somebody else',
  'expired token',
  'token of an ended session',
  'cookie of an ended session',
  'token of a disabled user',
  'cookie of a disabled user',
  'token of a closing user',
  'token of an erased user',
  'token of an older epoch',
  'token of no session',
  'token for a wrong subject',
  'refresh token as bearer',
  'ticket as bearer',
  'one-time token as bearer',
  'device token as bearer',
  'session secret as bearer',
  'access token as cookie',
  'refresh token as cookie',
  'JWT of another type',
  'JWT of another audience',
  'JWT of another issuer',
  'JWT without algorithm',
  'JWT by another key of our name',
] as const;

/** One of them. */
export type PrincipalName = (typeof principals)[number];

/** `200`, or `401 not_authenticated`; pages say what is wrong in words, so that they have no code. */
export type Verdict = string;

/** One row: a verdict for each principal. */
export interface AuthorisationRow {
  readonly verdicts: Readonly<Record<PrincipalName, Verdict>>;
  /** The tables that a refusal of this operation writes to; everywhere else nothing changes. */
  readonly traces?: readonly string[];
}

/** Everybody of the list who has no session to show. */
const withoutSession: readonly PrincipalName[] = principals.slice(principals.indexOf('expired token'));

function everybody(verdict: Verdict): Record<PrincipalName, Verdict> {
  return Object.fromEntries(principals.map((name) => [name, verdict])) as Record<PrincipalName, Verdict>;
}

const notAuthenticated = '401 not_authenticated';
const crossSite = '403 cross_site_request';

/** For who has no session, or shows beside it something that counts before it. */
const closed: Readonly<Record<PrincipalName, Verdict>> = {
  ...everybody('undecided'),
  ...(Object.fromEntries(withoutSession.map((name) => [name, notAuthenticated])) as Record<PrincipalName, Verdict>),
  nobody: notAuthenticated,
  'dead token beside a live cookie': notAuthenticated,
  'Basic beside a live cookie': notAuthenticated,
};

/** Reading with a session: from another site a browser may send it, and cannot read the answer. */
function reading(verdict: Verdict): AuthorisationRow {
  return {
    verdicts: {
      ...closed,
      'live token': verdict,
      'live cookie, same-origin': verdict,
      'live cookie, our Origin alone': verdict,
      'live cookie, cross-site': verdict,
      'live cookie, same-site': verdict,
      'live cookie, a foreign Origin alone': verdict,
      'live cookie, nothing said of the site': verdict,
      'live token beside a stranger’s cookie, cross-site': verdict,
      'token of somebody else': verdict,
    },
  };
}

/** Writing with a session: by cookie only when the browser says that one of our pages asks. */
function writing(verdict: Verdict, ofSomebodyElse = verdict): AuthorisationRow {
  return {
    verdicts: {
      ...closed,
      'live token': verdict,
      'live cookie, same-origin': verdict,
      'live cookie, our Origin alone': verdict,
      'live cookie, cross-site': crossSite,
      'live cookie, same-site': crossSite,
      'live cookie, a foreign Origin alone': crossSite,
      'live cookie, nothing said of the site': crossSite,
      'live token beside a stranger’s cookie, cross-site': verdict,
      'token of somebody else': ofSomebodyElse,
    },
  };
}

/** Anybody may ask, and nobody is told more for what else they present. */
function anybody(verdict: Verdict, traces: readonly string[] = []): AuthorisationRow {
  return { verdicts: everybody(verdict), traces };
}

/** The same for a write: anybody but the pages of others. */
function fromHere(verdict: Verdict, traces: readonly string[] = [], elsewhere = crossSite): AuthorisationRow {
  return {
    traces,
    verdicts: {
      ...everybody(verdict),
      'live cookie, cross-site': elsewhere,
      'live cookie, same-site': elsewhere,
      'live cookie, a foreign Origin alone': elsewhere,
      'live token beside a stranger’s cookie, cross-site': elsewhere,
    },
  };
}

/** The form of a page. */
function form(verdict: Verdict, traces: readonly string[] = []): AuthorisationRow {
  return fromHere(verdict, traces, '403');
}

/** What a failed guess leaves. */
const guess = ['attempt_counters', 'audit_events', 'rate_limit_counters'] as const;

/**
 * By operation. What each is asked with stands in `operations.ts`: there the tokens of links and of browsers are no
 * tokens, and the address is nobody's; who has a session knows the password.
 * Each who asks guesses at an address of their own, since the guesses at one have to wait after the fifth.
 */
export const authorisation: Readonly<Record<string, AuthorisationRow>> = {
  'register.person': fromHere('201'),
  'invitation.accept': fromHere('400 invalid_token'),
  'invitation.show': anybody('400'),
  'invitation.submit': form('400'),
  'verify_email.press': fromHere('400 invalid_token'),
  'verify_email.press_by_get': anybody('400 invalid_token'),
  'verify_email.resend': fromHere('202'),
  'verify_email.show': anybody('400'),
  'verify_email.submit': form('400'),
  'login.password': fromHere('401 invalid_credentials', guess),
  'login.ask_link': fromHere('202'),
  'login.magic_link': fromHere('400 invalid_token', ['rate_limit_counters']),
  'login.ask_code': fromHere('202'),
  'login.email_code': fromHere('401 invalid_code', ['rate_limit_counters']),
  'login.show_magic_link': anybody('400'),
  'login.submit_magic_link': form('400', ['rate_limit_counters']),
  'password.forgot': fromHere('202'),
  'password.reset': fromHere('400 invalid_token', ['rate_limit_counters']),
  'password.reset_show': anybody('400'),
  'password.reset_submit': form('400', ['rate_limit_counters']),
  'password.change': writing('200'),
  'refresh.rotate': fromHere('401 invalid_refresh_token'),
  'logout.this_session': writing('200'),
  'logout.everywhere': writing('200'),
  'session.check': reading('200'),
  'session.token': writing('200'),
  'profile.read': reading('200'),
  'profile.change': writing('200'),
  'change_email.request': writing('202'),
  'change_email.cancel': writing('200'),
  'change_email.confirm': fromHere('400 invalid_token'),
  'change_email.show_confirm': anybody('400'),
  'change_email.submit_confirm': form('400'),
  'change_email.undo': fromHere('400 invalid_token'),
  'change_email.show_undo': anybody('400'),
  'change_email.submit_undo': form('400'),
  'account.delete': writing('200'),
  'account.cancel_deletion': fromHere('400 invalid_token'),
  'account.show_cancel_deletion': anybody('400'),
  'account.submit_cancel_deletion': form('400'),
  'sessions.list': reading('200'),
  'sessions.end_others': writing('200'),
  'sessions.end_one': writing('200', '404 session_not_found'),
  'password.policy': anybody('200'),
  'keys.jwks': anybody('200'),
  'well_known.security': anybody('200'),
  'well_known.change_password': anybody('303'),
  'probes.live': anybody('200'),
  'probes.ready': anybody('200'),
  'probes.health': anybody('200'),
  'docs.openapi': anybody('200'),
  'docs.stylesheet': anybody('200'),
  'docs.reference': anybody('200'),
  'docs.problems': anybody('200'),
  'dev.inbox': anybody('200'),
  'dev.inbox_messages': anybody('200'),
  'dev.clock': anybody('200'),
  'dev.move_clock': fromHere('200'),
};

/** The same for the operator's listener, which only the operator reaches and where nobody is asked who they are. */
export const operatorAuthorisation: Readonly<Record<string, AuthorisationRow>> = {
  'probes.live': anybody('200'),
  'probes.ready': anybody('200'),
  'probes.health': anybody('200'),
  'probes.metrics': anybody('200'),
};
