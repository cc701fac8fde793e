import type { Credential, Effect, Outcome } from '#domain/users/index.ts';

/**
 * The revocation matrix written by hand from invariant 4, never computed from the table under test.
 * Each line is an effect; the columns are those of `columns`, in this order.
 */
const grid = `
verify_email             -       -       -       -       revoked revoked revoked -       -       -       -       -       -             -             valid -             -             -       -
change_password          renewed revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         valid   revoked
enroll_totp              renewed revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         valid   revoked
remove_totp              renewed revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         valid   revoked
add_passkey              valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid         -             valid valid         valid         valid   valid
add_security_key         renewed revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         valid   revoked
remove_passkey           renewed revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid revoked       valid         valid   revoked
link_identity            valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid         -             valid valid         valid         valid   valid
unlink_identity          renewed revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         revoked       valid   revoked
turn_mfa_on              renewed revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         valid   revoked
turn_mfa_off             renewed revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         valid   revoked
enroll_at_login          -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         valid         valid -             valid         -       revoked
change_password_at_login -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         valid         valid valid         valid         -       revoked
make_recovery_codes      valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid         -             valid valid         valid         valid   valid
step_up                  renewed valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid         -             valid valid         valid         valid   valid
recover_account          -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         valid         valid suspended     suspended     -       revoked
change_email             -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         -       revoked
undo_email_change        -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked later_revoked later_revoked valid later_revoked later_revoked -       revoked
change_roles             -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         valid         valid valid         valid         -       revoked
disable                  -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked suspended     revoked       valid suspended     suspended     -       revoked
enable                   -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         revoked       valid valid         valid         -       revoked
end_sessions             -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         valid         valid valid         valid         -       revoked
reset_factors            -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         valid         valid revoked       valid         -       revoked
delete_account           revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         revoked revoked
cancel_deletion          -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         revoked       valid valid         valid         -       revoked
erase                    -       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked       revoked       valid revoked       revoked       -       revoked
log_out                  revoked valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid   valid         -             valid valid         valid         valid   valid
log_out_everywhere       revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked revoked valid         -             valid valid         valid         revoked revoked
end_session              valid   revoked revoked revoked valid   valid   valid   valid   valid   valid   valid   valid   valid         -             valid valid         valid         valid   valid
end_other_sessions       valid   revoked revoked revoked valid   valid   valid   valid   valid   valid   valid   valid   valid         -             valid valid         valid         valid   valid
`;

const columns = [
  'acting_session',
  'session',
  'refresh_family',
  'access_token',
  'ticket',
  'verify_email',
  'reset_password',
  'magic_link',
  'email_code',
  'setup',
  'mailbox_code',
  'confirm_email_change',
  'undo_email_change',
  'cancel_deletion',
  'invitation',
  'passkey',
  'identity',
  'acting_device',
  'known_device',
] as const satisfies readonly Credential[];

/** The expected outcome by effect and credential. */
export const expected = Object.fromEntries(
  grid
    .trim()
    .split('\n')
    .map((line) => {
      const [effect, ...cells] = line.split(/ +/);
      if (cells.length !== columns.length) throw new Error(`${effect} has ${cells.length} cells`);
      return [
        effect,
        Object.fromEntries(
          columns.map((credential, index) => [credential, cells[index] === '-' ? 'absent' : cells[index]]),
        ),
      ];
    }),
) as Readonly<Record<Effect, Readonly<Record<Credential, Outcome>>>>;
