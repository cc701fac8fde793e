/** The step `change_password`: a new password in place of one that must not be used any longer. */

import {
  findStep,
  type LoginGate,
  type LoginResult,
  type PresentedTicket,
  takeStep,
} from '#domain/authentication/index.ts';
import { occasionOf } from '#domain/mail-ledger/index.ts';
import {
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  provePassword,
  setPassword,
} from '#domain/passwords/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

/** Dependencies of the step. */
export interface ChangePasswordAtLogin extends LoginGate {
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
}

/** The new password of the ticket's user. */
export interface NewPassword {
  readonly password: string;
  readonly deviceToken: string | undefined;
}

/**
 * Sets the password and continues the login, in one transaction. The hashes are computed before it. Every other session,
 * link, ticket and known device ends.
 *
 * @throws Problem `validation_failed` for a password that the rules reject or that is the present one, and those of
 * `takeStep`. All leave the ticket usable.
 */
export async function changePasswordAtLogin(
  flow: ChangePasswordAtLogin,
  ticket: PresentedTicket,
  { password, deviceToken }: NewPassword,
  caller: Caller,
): Promise<LoginResult> {
  const { candidate } = await findStep(flow, ticket, 'change_password');
  const { userId, locale, wrapped } = candidate;
  const languages = [locale, ...wantedLanguages(caller.acceptLanguage)];
  const accepted = await flow.passwordRules.acceptFor(userId, { password, field: '/password', languages });
  // Counted like every comparison: a ticket of a mailed link must not be an oracle for the present password.
  if (await provePassword(flow, userId, password)) {
    const message = 'Choose another password than the present one.';
    throw new Problem('validation_failed', { errors: [{ path: '/password', code: 'unchanged', message }] });
  }
  const sealedPhc = flow.keys.seal('password', await flow.hashes.compute(accepted), passwordAssociatedData(userId));
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const { result } = await takeStep(
    flow,
    {
      ticket,
      step: 'change_password',
      work: (tx) => write(flow, tx, { userId, sealedPhc, userKey, requester: caller }),
    },
    { deviceToken },
    caller,
  );
  return result;
}

interface Change {
  readonly userId: string;
  readonly sealedPhc: Buffer;
  readonly userKey: UserKey;
  readonly requester: Requester;
}

async function write(flow: ChangePasswordAtLogin, tx: Queries, change: Change): Promise<void> {
  const { userId, sealedPhc, userKey, requester } = change;
  const now = flow.clock.now();
  await changeUser(flow, tx, requester, {
    userId,
    now,
    userKey,
    refusal: 'invalid_ticket',
    apply: () => setPassword(tx, userId, sealedPhc, now),
    sessions: { kind: 'end_all', reason: 'password_changed' },
    resets: ['password', 'password_known_device'],
    event: ({ endedSessions }) => ({
      action: 'password.changed',
      actor: { kind: 'user', id: userId },
      facts: { endedSessions },
    }),
    mail: async () => {
      const recipient = await flow.users.primaryEmail(userId, tx);
      const mail = { template: 'password_changed', tokenId: null, params: occasionOf(requester) } as const;
      return recipient && flow.mail.values({ ...recipient, ...mail, userId, userKey, now });
    },
  });
}
