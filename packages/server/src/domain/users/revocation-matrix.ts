/**
 * The revocation matrix: each effect on a user × each credential (invariant 4). `docs/reference/revocation-matrix.md`
 * is generated from it, and a test issues each credential, performs each effect and uses the credential, cell by cell.
 * API keys will be a further credential: recovery and undo will suspend them, a change of password will not.
 */

/** The state of a credential after an effect. */
export const outcomes = {
  revoked: 'permanently invalid',
  valid: 'unchanged',
  renewed: 'revoked and replaced by a new one, which the response contains',
  suspended: 'invalid while the effect lasts; valid again afterwards unless it has expired',
  later_revoked:
    'revoked if it was issued after the state that the effect restores, or mailed to a later address; otherwise valid',
  absent: 'cannot exist, or is not involved',
} as const;

export type Outcome = keyof typeof outcomes;

/** Everything that can be revoked. */
export const credentials = {
  acting_session: 'the session that requests the effect, with its refresh and access tokens',
  session: 'every other session of the user',
  refresh_family: 'the refresh tokens of those sessions',
  access_token: 'the access tokens of those sessions, on every node within a second',
  ticket: 'an incomplete login',
  verify_email: 'a link that verifies an address',
  reset_password: 'a link that sets a new password',
  magic_link: 'a link that logs in',
  email_code: 'a code that logs in',
  setup: 'a link that sets an owner up',
  mailbox_code: 'a code that proves the mailbox, for an incomplete login or within a session',
  confirm_email_change: 'a link that confirms a new address',
  undo_email_change: 'a link that undoes a change of address',
  cancel_deletion: 'a link that cancels a pending deletion',
  invitation: 'an invitation of another user',
  passkey: 'a passkey as the first factor of a login',
  identity: 'an account at an identity provider that logs in',
  acting_device: 'the known device of the session that requests the effect',
  known_device: 'every other known device of the user',
} as const;

export type Credential = keyof typeof credentials;

/**
 * Links that outlive the user's epoch, because they defeat an attacker who raised it. They end by use, expiry or
 * erasure.
 */
export const linksOutlivingEpoch = ['undo_email_change', 'cancel_deletion'] as const satisfies readonly Credential[];

type Row = Readonly<Record<Credential, Outcome>>;

const untouched: Row = {
  acting_session: 'valid',
  session: 'valid',
  refresh_family: 'valid',
  access_token: 'valid',
  ticket: 'valid',
  verify_email: 'valid',
  reset_password: 'valid',
  magic_link: 'valid',
  email_code: 'valid',
  setup: 'valid',
  mailbox_code: 'valid',
  confirm_email_change: 'valid',
  undo_email_change: 'valid',
  // A user with a pending deletion has no session, so no effect of a session meets this link.
  cancel_deletion: 'absent',
  invitation: 'valid',
  /** A factor outlives the sessions that it began, and no epoch ends it. */
  passkey: 'valid',
  identity: 'valid',
  acting_device: 'valid',
  known_device: 'valid',
};

/** Raises the epoch, requested by a session. */
const raises: Row = {
  ...untouched,
  acting_session: 'revoked',
  session: 'revoked',
  refresh_family: 'revoked',
  access_token: 'revoked',
  ticket: 'revoked',
  verify_email: 'revoked',
  reset_password: 'revoked',
  magic_link: 'revoked',
  email_code: 'revoked',
  setup: 'revoked',
  mailbox_code: 'revoked',
  confirm_email_change: 'revoked',
  acting_device: 'revoked',
  known_device: 'revoked',
};

/** Raises the epoch, requested by a mailed link, a ticket, an operator or a job: there is no acting session. */
const raisesFromOutside: Row = {
  ...raises,
  acting_session: 'absent',
  acting_device: 'absent',
  cancel_deletion: 'valid',
};

/** The outcomes of each effect, in the order of the generated page and the test. */
export const revocationMatrix = {
  /** A user without a verified address has no session and no device yet, and is mailed no link or code that logs in. */
  verify_email: {
    ...raisesFromOutside,
    session: 'absent',
    refresh_family: 'absent',
    access_token: 'absent',
    magic_link: 'absent',
    email_code: 'absent',
    setup: 'absent',
    mailbox_code: 'absent',
    confirm_email_change: 'absent',
    undo_email_change: 'absent',
    cancel_deletion: 'absent',
    passkey: 'absent',
    identity: 'absent',
    known_device: 'absent',
  },
  change_password: { ...raises, acting_session: 'renewed', acting_device: 'valid' },
  enroll_totp: { ...raises, acting_session: 'renewed', acting_device: 'valid' },
  remove_totp: { ...raises, acting_session: 'renewed', acting_device: 'valid' },
  /** A browser may have added it without a question. */
  add_passkey: untouched,
  add_security_key: { ...raises, acting_session: 'renewed', acting_device: 'valid' },
  /** `passkey` is the one that the request names. */
  remove_passkey: { ...raises, acting_session: 'renewed', acting_device: 'valid', passkey: 'revoked' },
  /** A further way in makes no rule stricter. */
  link_identity: untouched,
  /** `identity` is the one that the request names. */
  unlink_identity: { ...raises, acting_session: 'renewed', acting_device: 'valid', identity: 'revoked' },
  turn_mfa_on: { ...raises, acting_session: 'renewed', acting_device: 'valid' },
  turn_mfa_off: { ...raises, acting_session: 'renewed', acting_device: 'valid' },
  /** The login goes along: its ticket is used, and what follows has the new epoch. Its user has no second factor yet. */
  enroll_at_login: { ...raisesFromOutside, passkey: 'absent' },
  change_password_at_login: raisesFromOutside,
  make_recovery_codes: untouched,
  step_up: { ...untouched, acting_session: 'renewed' },
  /** Second factors stay: whoever reads the mail must not get past them. */
  recover_account: { ...raisesFromOutside, passkey: 'suspended', identity: 'suspended' },
  /** The session that requested the change is revoked too: the link at the new address belongs to no session. */
  change_email: { ...raisesFromOutside, cancel_deletion: 'absent' },
  undo_email_change: {
    ...raisesFromOutside,
    undo_email_change: 'later_revoked',
    cancel_deletion: 'later_revoked',
    passkey: 'later_revoked',
    identity: 'later_revoked',
  },
  change_roles: raisesFromOutside,
  /** Disabling cancels a pending deletion. */
  disable: {
    ...raisesFromOutside,
    undo_email_change: 'suspended',
    cancel_deletion: 'revoked',
    passkey: 'suspended',
    identity: 'suspended',
  },
  /** Nothing that was issued before becomes valid again. */
  enable: { ...raisesFromOutside, cancel_deletion: 'revoked' },
  end_sessions: raisesFromOutside,
  reset_factors: { ...raisesFromOutside, passkey: 'revoked' },
  delete_account: raises,
  cancel_deletion: { ...raisesFromOutside, cancel_deletion: 'revoked' },
  erase: {
    ...raisesFromOutside,
    undo_email_change: 'revoked',
    cancel_deletion: 'revoked',
    passkey: 'revoked',
    identity: 'revoked',
  },
  log_out: { ...untouched, acting_session: 'revoked' },
  log_out_everywhere: raises,
  /** `session` is the one that the request names. */
  end_session: { ...untouched, session: 'revoked', refresh_family: 'revoked', access_token: 'revoked' },
  end_other_sessions: { ...untouched, session: 'revoked', refresh_family: 'revoked', access_token: 'revoked' },
} as const satisfies Readonly<Record<string, Row>>;

export type Effect = keyof typeof revocationMatrix;

/** Descriptions of the effects. */
export const effects: Readonly<Record<Effect, string>> = {
  verify_email: 'verifying the address',
  change_password: 'changing the password',
  enroll_totp: 'confirming an authenticator app',
  remove_totp: 'removing the authenticator app',
  add_passkey: 'adding a passkey',
  add_security_key: 'adding a security key as the first second factor',
  remove_passkey: 'removing a passkey',
  link_identity: 'connecting an account at an identity provider',
  unlink_identity: 'disconnecting it',
  turn_mfa_on: 'turning two-step sign-in on with a factor that is set up',
  turn_mfa_off: 'turning two-step sign-in off',
  enroll_at_login: 'setting up the second factor that a login needs',
  change_password_at_login: 'setting the new password that a login needs',
  make_recovery_codes: 'making new recovery codes',
  step_up: 'confirming within a session that it is the user',
  recover_account: 'setting a new password by a mailed link',
  change_email: 'confirming a new address',
  undo_email_change: 'undoing a change of address',
  change_roles: 'an operator grants or revokes a role',
  disable: 'an operator disables the user',
  enable: 'an operator enables the user again',
  end_sessions: 'an operator ends all sessions of the user',
  reset_factors: 'an operator ends the second factors of the user',
  delete_account: 'deleting the account, with a grace period',
  cancel_deletion: 'canceling the deletion in the grace period',
  erase: 'erasing the account after the grace period',
  log_out: 'logging out',
  log_out_everywhere: 'logging out everywhere',
  end_session: 'ending one other session',
  end_other_sessions: 'ending all other sessions',
};
