import type { Credential, Effect, Outcome } from '#domain/users/index.ts';

/**
 * The revocation matrix written by hand from invariant 4, never computed from the table under test.
 * Each line is an effect; the columns are those of `columns`, in this order.
 */
const grid = `
verify_email        -       -     -     -     ends  ends  ends  -     -     -     -          -          lives -     -
change_password     renewed ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      -          lives lives ends
recover_account     -       ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      lives      lives -     ends
change_email        -       ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      -          lives -     ends
undo_email_change   -       ends  ends  ends  ends  ends  ends  ends  ends  ends  later_ends later_ends lives -     ends
change_roles        -       ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      lives      lives -     ends
disable             -       ends  ends  ends  ends  ends  ends  ends  ends  ends  rests      ends       lives -     ends
enable              -       ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      ends       lives -     ends
end_sessions        -       ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      lives      lives -     ends
close               ends    ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      -          lives ends  ends
keep                -       ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      ends       lives -     ends
erase               -       ends  ends  ends  ends  ends  ends  ends  ends  ends  ends       ends       lives -     ends
log_out             ends    lives lives lives lives lives lives lives lives lives lives      -          lives lives lives
log_out_everywhere  ends    ends  ends  ends  ends  ends  ends  ends  ends  ends  lives      -          lives ends  ends
end_session         lives   ends  ends  ends  lives lives lives lives lives lives lives      -          lives lives lives
end_other_sessions  lives   ends  ends  ends  lives lives lives lives lives lives lives      -          lives lives lives
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
  'confirm_email_change',
  'undo_email_change',
  'cancel_deletion',
  'invitation',
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
