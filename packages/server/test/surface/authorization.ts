/**
 * The expected response for every operation and principal. Reviewed by hand, never computed from the declarations.
 * The test fails for an operation without a row and for a row without an operation.
 */

/** The credentials and browser headers of a request. */
export const principals = [
  'anonymous',
  'active token',
  'active cookie, same-origin',
  'active cookie, own Origin only',
  'active cookie, cross-site',
  'active cookie, same-site',
  'active cookie, foreign Origin only',
  'active cookie, no site headers',
  'active token and another user’s cookie, cross-site',
  'revoked token and active cookie',
  'Basic and active cookie',
  'token of another user',
  'expired token',
  'token of a revoked session',
  'cookie of a revoked session',
  'token of a disabled user',
  'cookie of a disabled user',
  'token of a user pending deletion',
  'token of an erased user',
  'token with an older epoch',
  'token without a session',
  'token for a wrong subject',
  'refresh token as bearer',
  'ticket as bearer',
  'one-time token as bearer',
  'device token as bearer',
  'session secret as bearer',
  'access token as cookie',
  'refresh token as cookie',
  'JWT with another type',
  'JWT with another audience',
  'JWT with another issuer',
  'JWT without algorithm',
  'JWT signed by another key with the same kid',
] as const;

export type PrincipalName = (typeof principals)[number];

/** For example `200` or `401 not_authenticated`; pages have no problem code. */
export type Verdict = string;

/** The expected response for each principal. */
export interface AuthorizationRow {
  readonly verdicts: Readonly<Record<PrincipalName, Verdict>>;
  /** The tables that a rejected request writes to; no other table may change. */
  readonly writtenTables?: readonly string[];
}

/** The principals of the list without a valid session. */
const withoutSession: readonly PrincipalName[] = principals.slice(principals.indexOf('expired token'));

function forAll(verdict: Verdict): Record<PrincipalName, Verdict> {
  return Object.fromEntries(principals.map((name) => [name, verdict])) as Record<PrincipalName, Verdict>;
}

const notAuthenticated = '401 not_authenticated';
const crossSite = '403 cross_site_request';
const cookieRequired = '403 session_cookie_required';

/** For operations that require a session. */
const rejected: Readonly<Record<PrincipalName, Verdict>> = {
  ...forAll('undefined'),
  ...(Object.fromEntries(withoutSession.map((name) => [name, notAuthenticated])) as Record<PrincipalName, Verdict>),
  anonymous: notAuthenticated,
  'revoked token and active cookie': notAuthenticated,
};

/** Reads with a session. A browser may send a cross-site read, but the other site cannot read the response. */
function readWithSession(verdict: Verdict): AuthorizationRow {
  return {
    verdicts: {
      ...rejected,
      'active token': verdict,
      'active cookie, same-origin': verdict,
      'Basic and active cookie': verdict,
      'active cookie, own Origin only': verdict,
      'active cookie, cross-site': verdict,
      'active cookie, same-site': verdict,
      'active cookie, foreign Origin only': verdict,
      'active cookie, no site headers': verdict,
      'active token and another user’s cookie, cross-site': verdict,
      'token of another user': verdict,
    },
  };
}

/** Writes with a session. With a cookie, the browser must confirm that the request comes from a page of the product. */
function writeWithSession(verdict: Verdict, forOtherUser = verdict, byToken = verdict): AuthorizationRow {
  return {
    verdicts: {
      ...rejected,
      'active token': byToken,
      'active cookie, same-origin': verdict,
      'Basic and active cookie': verdict,
      'active cookie, own Origin only': verdict,
      'active cookie, cross-site': crossSite,
      'active cookie, same-site': crossSite,
      'active cookie, foreign Origin only': crossSite,
      'active cookie, no site headers': crossSite,
      'active token and another user’s cookie, cross-site': byToken,
      'token of another user': forOtherUser,
    },
  };
}

/** Public reads; further credentials change nothing. */
function publicRead(verdict: Verdict, writtenTables: readonly string[] = []): AuthorizationRow {
  return { verdicts: forAll(verdict), writtenTables };
}

/** Reads of `/dev/*`, which only pages of the operator's listener may send. */
function developmentRead(ifCrossSite = crossSite): AuthorizationRow {
  return publicWrite('200', [], ifCrossSite);
}

/** Public writes; cross-site requests are rejected. */
function publicWrite(
  verdict: Verdict,
  writtenTables: readonly string[] = [],
  ifCrossSite = crossSite,
): AuthorizationRow {
  return {
    writtenTables,
    verdicts: {
      ...forAll(verdict),
      'active cookie, cross-site': ifCrossSite,
      'active cookie, same-site': ifCrossSite,
      'active cookie, foreign Origin only': ifCrossSite,
      'active token and another user’s cookie, cross-site': ifCrossSite,
    },
  };
}

/** Pages with a session. They read the cookie alone, and lead to the sign-in page without it. */
const ledToLogin: Readonly<Record<PrincipalName, Verdict>> = forAll('303');

function pageWithSession(verdict: Verdict): AuthorizationRow {
  return {
    verdicts: {
      ...ledToLogin,
      'active cookie, same-origin': verdict,
      'active cookie, own Origin only': verdict,
      'active cookie, cross-site': verdict,
      'active cookie, same-site': verdict,
      'active cookie, foreign Origin only': verdict,
      'active cookie, no site headers': verdict,
      'active token and another user’s cookie, cross-site': verdict,
      'revoked token and active cookie': verdict,
      'Basic and active cookie': verdict,
    },
  };
}

/** Pages for visitors. A browser that is signed in is led to a page that asks. */
function pageWithoutSession(verdict: Verdict): AuthorizationRow {
  const { verdicts } = pageWithSession('200');
  const own = Object.entries(verdicts).map(([name, other]) => [name, other === '200' ? '303' : verdict]);
  return { verdicts: Object.fromEntries(own) as Record<PrincipalName, Verdict> };
}

function formWithSession(verdict: Verdict): AuthorizationRow {
  return {
    verdicts: {
      ...ledToLogin,
      'active cookie, same-origin': verdict,
      'active cookie, own Origin only': verdict,
      'active cookie, cross-site': '403',
      'active cookie, same-site': '403',
      'active cookie, foreign Origin only': '403',
      'active cookie, no site headers': '403',
      'active token and another user’s cookie, cross-site': '403',
      'revoked token and active cookie': verdict,
      'Basic and active cookie': verdict,
    },
  };
}

function pageForm(verdict: Verdict, writtenTables: readonly string[] = []): AuthorizationRow {
  return publicWrite(verdict, writtenTables, '403');
}

/** Tables that a failed attempt writes to. */
const failedAttempt = ['attempt_counters', 'audit_events', 'rate_limit_counters'] as const;

/**
 * The expected responses by operation. `operations.ts` has the input: its tokens are invalid, its address belongs to no
 * user, and users with a session send the right password. Each principal uses its own address, because attempts at one
 * address are delayed after the fifth.
 */
export const authorization: Readonly<Record<string, AuthorizationRow>> = {
  'register.person': publicWrite('201'),
  'register.show': publicRead('200'),
  'register.submit': pageForm('303'),
  'sign_up.show_check_mail': publicRead('400'),
  'sign_up.submit_check_mail': pageForm('401', ['rate_limit_counters']),
  'verify_email.resend_show': publicRead('200'),
  'verify_email.resend_submit': pageForm('200'),
  'invitation.accept': publicWrite('400 invalid_token'),
  'invitation.show': publicRead('400'),
  'invitation.submit': pageForm('400'),
  'verify_email.press': publicWrite('400 invalid_token'),
  'verify_email.press_by_get': publicRead('400 invalid_token'),
  'verify_email.resend': publicWrite('202'),
  'verify_email.show': publicRead('400'),
  'verify_email.submit': pageForm('400'),
  'login.password': publicWrite('401 invalid_credentials', failedAttempt),
  'login.ask_link': publicWrite('202'),
  'login.magic_link': publicWrite('400 invalid_token', ['rate_limit_counters']),
  'login.ask_code': publicWrite('202'),
  'login.email_code': publicWrite('401 invalid_code', ['rate_limit_counters']),
  'login.show_magic_link': publicRead('400'),
  'login.submit_magic_link': pageForm('400', ['rate_limit_counters']),
  'login.show_email_code': publicRead('200'),
  'login.submit_email_code': pageForm('401', ['rate_limit_counters']),
  'login.second_factor': publicWrite('401 invalid_ticket', ['rate_limit_counters']),
  'login.show': pageWithoutSession('200'),
  'login.choose': pageWithSession('200'),
  'login.submit': pageForm('401', failedAttempt),
  'login.show_second_factor': publicRead('400'),
  'login.submit_second_factor': pageForm('401', ['rate_limit_counters']),
  'login.show_recovery_code': publicRead('400'),
  'login.submit_recovery_code': pageForm('401', ['rate_limit_counters']),
  'login.show_confirm_mailbox': publicRead('400'),
  'login.submit_confirm_mailbox': pageForm('401', ['rate_limit_counters']),
  'login.show_mailbox_code': publicRead('400'),
  'login.submit_mailbox_code': pageForm('401', ['rate_limit_counters']),
  'login.show_enroll': publicRead('400'),
  'login.submit_enroll': pageForm('401', ['rate_limit_counters']),
  'login.show_enroll_passkey': publicRead('400'),
  'login.submit_enroll_passkey': pageForm('401', ['rate_limit_counters']),
  'login.show_change_password': publicRead('400'),
  'login.submit_change_password': pageForm('401', ['rate_limit_counters']),
  'login.show_cancel_deletion': publicRead('400'),
  'login.submit_cancel_deletion': pageForm('401'),
  'login.show_passkey_factor': publicRead('400'),
  'login.submit_passkey_factor': pageForm('401', ['rate_limit_counters']),
  'login.show_passkey': publicRead('303'),
  'login.submit_passkey': pageForm('401', ['rate_limit_counters']),
  'login.second_factor_options': publicWrite('401 invalid_ticket', ['rate_limit_counters']),
  'login.passkey_options': publicWrite('200'),
  'login.passkey': publicWrite('401 invalid_passkey', ['rate_limit_counters']),
  'owner.set_up': publicWrite('400 invalid_token', ['rate_limit_counters']),
  'owner.show_set_up': publicRead('400'),
  'owner.submit_set_up': pageForm('400', ['rate_limit_counters']),
  'login.confirm_mailbox': publicWrite('401 invalid_ticket', ['rate_limit_counters']),
  'login.mailbox_code': publicWrite('401 invalid_ticket', ['rate_limit_counters']),
  'login.enroll': publicWrite('401 invalid_ticket', ['rate_limit_counters']),
  'login.confirm_enrollment': publicWrite('401 invalid_ticket', ['rate_limit_counters']),
  'login.change_password': publicWrite('401 invalid_ticket', ['rate_limit_counters']),
  'password.forgot': publicWrite('202'),
  'password.forgot_show': publicRead('200'),
  'password.forgot_submit': pageForm('200'),
  'password.reset': publicWrite('400 invalid_token', ['rate_limit_counters']),
  'password.reset_show': publicRead('400'),
  'password.reset_submit': pageForm('400', ['rate_limit_counters']),
  'password.change': writeWithSession('200'),
  'refresh.rotate': publicWrite('401 invalid_refresh_token'),
  'logout.this_session': writeWithSession('200'),
  'logout.everywhere': writeWithSession('200'),
  'logout.show': pageWithSession('200'),
  'logout.submit': formWithSession('303'),
  'logout.signed_out': pageWithoutSession('200'),
  'account.show': pageWithSession('200'),
  'profile.show': pageWithSession('200'),
  'profile.submit': formWithSession('303'),
  'change_email.show_request': pageWithSession('200'),
  'change_email.submit_request': formWithSession('303'),
  'change_email.show_cancel': pageWithSession('200'),
  'change_email.submit_cancel': formWithSession('303'),
  'password.show_change': pageWithSession('200'),
  'password.submit_change': formWithSession('303'),
  'passkeys.show_rename': pageWithSession('303'),
  'passkeys.submit_rename': formWithSession('303'),
  'passkeys.show_resume': pageWithSession('303'),
  'passkeys.submit_resume': formWithSession('303'),
  'sessions.show': pageWithSession('200'),
  'sessions.show_end': pageWithSession('303'),
  'sessions.submit_end': formWithSession('303'),
  'sessions.show_end_others': pageWithSession('200'),
  'sessions.submit_end_others': formWithSession('303'),
  'devices.show_forget': pageWithSession('303'),
  'devices.submit_forget': formWithSession('303'),
  'account.show_data': pageWithSession('200'),
  'account.show_delete': pageWithSession('200'),
  'account.submit_delete': { ...formWithSession('422'), writtenTables: ['rate_limit_counters'] },
  'step_up.show': pageWithSession('303'),
  'step_up.submit': formWithSession('303'),
  'factors.show': pageWithSession('200'),
  'passkeys.show_add': pageWithSession('200'),
  'passkeys.submit_add': formWithSession('401'),
  'passkeys.show_remove': pageWithSession('303'),
  'passkeys.submit_remove': formWithSession('303'),
  'totp.show': pageWithSession('200'),
  'totp.submit': formWithSession('200'),
  'totp.show_remove': pageWithSession('200'),
  'totp.submit_remove': formWithSession('303'),
  'recovery_codes.show': pageWithSession('200'),
  'recovery_codes.submit': formWithSession('303'),
  'session.check': readWithSession('200'),
  'session.token': writeWithSession('200', cookieRequired, cookieRequired),
  'step_up.options': readWithSession('200'),
  'step_up.prove': writeWithSession('200'),
  'step_up.ask_code': { ...writeWithSession('403 login_incomplete'), writtenTables: ['rate_limit_counters'] },
  'step_up.passkey_options': writeWithSession('404 passkey_not_found'),
  'factors.list': readWithSession('200'),
  'factors.set_mfa': writeWithSession('409 no_second_factor'),
  'totp.begin': writeWithSession('200'),
  'totp.confirm': { ...writeWithSession('409 enrollment_expired'), writtenTables: ['rate_limit_counters'] },
  'totp.remove': writeWithSession('409 no_second_factor'),
  'recovery_codes.make': writeWithSession('409 no_second_factor'),
  'login.show_provider': publicRead('303'),
  'login.submit_provider': pageForm('404'),
  'login.provider_callback': publicRead('400'),
  // A page of another site sends it by design; it changes nothing.
  'login.provider_form_callback': publicRead('303'),
  'login.show_provider_email': publicRead('400'),
  'login.submit_provider_email': pageForm('400', ['rate_limit_counters']),
  'login.id_token_nonce': publicWrite('200'),
  'login.id_token': publicWrite('404 not_enabled', ['rate_limit_counters']),
  'identities.show_link': pageWithSession('400'),
  'identities.submit_link': formWithSession('400'),
  'identities.show_connect': pageWithSession('303'),
  'identities.submit_connect': formWithSession('404'),
  'identities.show': pageWithSession('200'),
  'identities.show_disconnect': pageWithSession('303'),
  'identities.submit_disconnect': formWithSession('303'),
  'identities.list': readWithSession('200'),
  'identities.remove': writeWithSession('404 identity_not_found'),
  'passkeys.list': readWithSession('200'),
  'passkeys.options': writeWithSession('200'),
  'passkeys.add': writeWithSession('401 invalid_passkey'),
  'passkeys.change': writeWithSession('404 passkey_not_found'),
  'passkeys.remove': writeWithSession('404 passkey_not_found'),
  'profile.read': readWithSession('200'),
  'profile.change': writeWithSession('200'),
  'change_email.request': writeWithSession('202'),
  'change_email.cancel': writeWithSession('200'),
  'change_email.confirm': publicWrite('400 invalid_token'),
  'change_email.show_confirm': publicRead('400'),
  'change_email.submit_confirm': pageForm('400'),
  'change_email.undo': publicWrite('400 invalid_token'),
  'change_email.show_undo': publicRead('400'),
  'change_email.submit_undo': pageForm('400'),
  'account.delete': writeWithSession('200'),
  'account.cancel_deletion': publicWrite('400 invalid_token'),
  'account.show_cancel_deletion': publicRead('400'),
  'account.submit_cancel_deletion': pageForm('400'),
  'sessions.list': readWithSession('200'),
  'sessions.end_others': writeWithSession('200'),
  'sessions.end_one': writeWithSession('200', '404 session_not_found'),
  'devices.list': readWithSession('200'),
  'devices.forget': writeWithSession('404 device_not_found'),
  'password.policy': publicRead('200'),
  'providers.list': publicRead('200'),
  'keys.jwks': publicRead('200'),
  'well_known.security': publicRead('200'),
  'well_known.webauthn': publicRead('200'),
  'well_known.change_password': publicRead('303'),
  'probes.live': publicRead('200'),
  'probes.ready': publicRead('200'),
  'probes.health': publicRead('200'),
  'docs.openapi': publicRead('200'),
  'assets.file': publicRead('404 not_found'),
  'docs.reference': publicRead('200'),
  'home.show': publicRead('200'),
  'docs.problems': publicRead('200'),
  'dev.inbox': developmentRead('403'),
  'dev.inbox_mail': publicWrite('404 not_found'),
  'dev.mails': developmentRead('403'),
  'dev.mail_preview': developmentRead(),
  'dev.inbox_messages': developmentRead(),
  'dev.clock': developmentRead(),
  'dev.move_clock': publicWrite('200'),
};

/** The operator's listener has no authentication; the operator controls access to it. */
export const operatorAuthorization: Readonly<Record<string, AuthorizationRow>> = {
  'probes.live': publicRead('200'),
  'probes.ready': publicRead('200'),
  'probes.health': publicRead('200'),
  'probes.metrics': publicRead('200'),
};
