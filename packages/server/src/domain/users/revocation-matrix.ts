/**
 * The revocation matrix: each effect on a user × each credential (invariant 4). `docs/reference/revocation-matrix.md`
 * is generated from it, and a test issues each credential, performs each effect and uses the credential, cell by cell.
 * API keys will be a further credential: recovery and undo will suspend them, a change of password will not.
 */

/** The state of a credential after an effect. */
export const outcomes = {
  ends: 'ends for good',
  lives: 'goes on as before',
  renewed: 'ends, and goes on as a new one, which the answer holds',
  rests: 'does not work as long as the effect lasts, and works again after it, if it has not expired',
  later_ends: 'ends if it came later than what the effect restores, or went to an address that did; else it lives',
  absent: 'cannot be there, or has no part in the effect',
} as const;

export type Outcome = keyof typeof outcomes;

/** Everything that can be revoked. */
export const credentials = {
  acting_session: 'the session that asks for the effect, with its refresh and access tokens',
  session: 'every other session of the user',
  refresh_family: 'the refresh tokens of those sessions',
  access_token: 'the access tokens of those sessions, on every node within a second',
  ticket: 'a login in progress',
  verify_email: 'a link that verifies an address',
  reset_password: 'a link that sets a new password',
  magic_link: 'a link that logs in',
  email_code: 'a code that logs in',
  confirm_email_change: 'a link that confirms a new address',
  undo_email_change: 'a link that takes an address back',
  cancel_deletion: 'a link that keeps a closing account',
  invitation: 'an invitation of somebody else',
  acting_device: 'the known device of the session that asks for the effect',
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
  acting_session: 'lives',
  session: 'lives',
  refresh_family: 'lives',
  access_token: 'lives',
  ticket: 'lives',
  verify_email: 'lives',
  reset_password: 'lives',
  magic_link: 'lives',
  email_code: 'lives',
  confirm_email_change: 'lives',
  undo_email_change: 'lives',
  // A user with a pending deletion has no session, so no effect of a session meets this link.
  cancel_deletion: 'absent',
  invitation: 'lives',
  acting_device: 'lives',
  known_device: 'lives',
};

/** Raises the epoch, requested by a session. */
const raises: Row = {
  ...untouched,
  acting_session: 'ends',
  session: 'ends',
  refresh_family: 'ends',
  access_token: 'ends',
  ticket: 'ends',
  verify_email: 'ends',
  reset_password: 'ends',
  magic_link: 'ends',
  email_code: 'ends',
  confirm_email_change: 'ends',
  acting_device: 'ends',
  known_device: 'ends',
};

/** Raises the epoch, requested by a mailed link, a ticket, an operator or a job: there is no acting session. */
const raisesFromOutside: Row = {
  ...raises,
  acting_session: 'absent',
  acting_device: 'absent',
  cancel_deletion: 'lives',
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
    confirm_email_change: 'absent',
    undo_email_change: 'absent',
    cancel_deletion: 'absent',
    known_device: 'absent',
  },
  change_password: { ...raises, acting_session: 'renewed', acting_device: 'lives' },
  recover_account: raisesFromOutside,
  /** The session that requested the change is revoked too: the link at the new address belongs to no session. */
  change_email: { ...raisesFromOutside, cancel_deletion: 'absent' },
  undo_email_change: { ...raisesFromOutside, undo_email_change: 'later_ends', cancel_deletion: 'later_ends' },
  change_roles: raisesFromOutside,
  /** Disabling cancels a pending deletion. */
  disable: { ...raisesFromOutside, undo_email_change: 'rests', cancel_deletion: 'ends' },
  /** Nothing that was issued before becomes valid again. */
  enable: { ...raisesFromOutside, cancel_deletion: 'ends' },
  end_sessions: raisesFromOutside,
  close: raises,
  keep: { ...raisesFromOutside, cancel_deletion: 'ends' },
  erase: { ...raisesFromOutside, undo_email_change: 'ends', cancel_deletion: 'ends' },
  log_out: { ...untouched, acting_session: 'ends' },
  log_out_everywhere: raises,
  /** `session` is the one that the request names. */
  end_session: { ...untouched, session: 'ends', refresh_family: 'ends', access_token: 'ends' },
  end_other_sessions: { ...untouched, session: 'ends', refresh_family: 'ends', access_token: 'ends' },
} as const satisfies Readonly<Record<string, Row>>;

export type Effect = keyof typeof revocationMatrix;

/** Descriptions of the effects. */
export const effects: Readonly<Record<Effect, string>> = {
  verify_email: 'verifying the address',
  change_password: 'changing the password',
  recover_account: 'setting a new password by a mailed link',
  change_email: 'confirming a new address',
  undo_email_change: 'taking the old address back',
  change_roles: 'an operator gives or takes a role',
  disable: 'an operator disables the user',
  enable: 'an operator enables the user again',
  end_sessions: 'an operator ends all sessions',
  close: 'closing the account',
  keep: 'keeping the account in the grace period',
  erase: 'the end of the grace period',
  log_out: 'logging out',
  log_out_everywhere: 'logging out everywhere',
  end_session: 'ending one other session',
  end_other_sessions: 'ending all other sessions',
};
