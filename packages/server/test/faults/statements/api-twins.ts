/**
 * The scenario of the API whose writes a page's form repeats. The statements of both are recorded and compared, so such a
 * form is interrupted only around its last write: the scenario of the API is interrupted at each of them.
 * Forms that write something else beside have no entry and are interrupted everywhere, and so is one of each kind of page:
 * public, mailed link, step of a login, account.
 */
export const apiTwins: Readonly<Record<string, string>> = {
  'register.submit': 'register.person',
  'verify_email.submit': 'verify_email.press',
  'verify_email.resend_submit': 'verify_email.resend',
  'invitation.submit': 'invitation.accept',
  'login.submit, with a wrong password': 'login.password, with a wrong password',
  'login.submit, for a mailed link': 'login.ask_link',
  'login.submit_magic_link': 'login.magic_link',
  'login.submit_email_code': 'login.email_code',
  'login.submit_recovery_code': 'login.second_factor, by a recovery code',
  'login.submit_passkey': 'login.passkey',
  'login.submit_passkey_factor': 'login.second_factor, by a passkey',
  'login.submit_confirm_mailbox': 'login.confirm_mailbox',
  'login.submit_mailbox_code': 'login.mailbox_code',
  'login.submit_enroll, to begin': 'login.enroll',
  'login.submit_enroll, to confirm': 'login.confirm_enrollment',
  'login.submit_enroll_passkey': 'login.confirm_enrollment, with a passkey',
  'login.submit_change_password': 'login.change_password',
  'login.submit_cancel_deletion': 'account.cancel_deletion, by ticket',
  'logout.submit': 'logout.this_session, with a cookie',
  'owner.submit_set_up': 'owner.set_up',
  'password.forgot_submit': 'password.forgot',
  'change_email.submit_confirm': 'change_email.confirm',
  'change_email.submit_undo': 'change_email.undo',
  'account.submit_cancel_deletion': 'account.cancel_deletion, by link',
  'profile.submit': 'profile.change',
  'change_email.submit_cancel': 'change_email.cancel',
  'sessions.submit_end': 'sessions.end_one',
  'sessions.submit_end_others': 'sessions.end_others',
  'step_up.submit': 'step_up.prove',
  'totp.submit, to confirm': 'totp.confirm',
  'totp.submit_remove': 'totp.remove',
  'recovery_codes.submit': 'recovery_codes.make',
  'passkeys.submit_add': 'passkeys.add',
  'passkeys.submit_remove': 'passkeys.remove',
  'passkeys.submit_rename': 'passkeys.change',
};
