import { deleteIdentitiesSince } from '#domain/federated-identities/index.ts';
import { restoreEmail } from '#domain/identifiers/index.ts';
import { occasionOf } from '#domain/mail-ledger/index.ts';
import {
  type ActiveToken,
  consume,
  findActive,
  findUsed,
  type OneTimeToken,
  type UsedToken,
} from '#domain/one-time-tokens/index.ts';
import { passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { endSecondFactors } from '#domain/second-factors/index.ts';
import { changeUser, type UserChange } from '#domain/user-changes/index.ts';
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import type { ChangeEmail } from './change-email.ts';

/** Reads a link without using it. */
export async function readUndoLink(flow: ChangeEmail, text: string): Promise<ActiveToken | undefined> {
  return findActive(flow.database, 'undo_email_change', text, flow.clock.now());
}

/** Returns a link that was used, while the address that it restored is the user's. */
export async function findUndone(flow: ChangeEmail, text: string): Promise<UsedToken | undefined> {
  const used = await findUsed(flow.database, 'undo_email_change', text);
  return used?.addressIsPrimary ? used : undefined;
}

/**
 * Restores the address, sets a new password and ends every session.
 * The link outlives the epoch, so that neither a change of the password nor another change of the address disables it.
 * Requires a new password, because an attacker who changed the address may know the old one.
 */
export async function undoChange(flow: ChangeEmail, text: string, newPassword: string, caller: Caller): Promise<void> {
  const token = await readUndoLink(flow, text);
  if (token === undefined) throw new Problem('invalid_token');
  const languages = [token.locale, ...wantedLanguages(caller.acceptLanguage)];
  const candidate = { password: newPassword, field: '/password', languages };
  const phc = await flow.hashes.compute(await flow.passwordRules.acceptFor(token.userId, candidate));
  const userKey = await flow.users.key(token.userId);
  if (userKey === undefined) throw new Problem('invalid_token');
  const undo = undoOf(flow, { text, token, phc, userKey, caller });
  await flow.database.transaction((tx) => changeUser(flow, tx, caller, undo));
}

interface LinkUse {
  readonly text: string;
  readonly token: OneTimeToken;
  readonly phc: string;
  readonly userKey: UserKey;
  readonly caller: Caller;
}

function undoOf(flow: ChangeEmail, { text, token, phc, userKey, caller }: LinkUse): UserChange<string> {
  const now = flow.clock.now();
  const { userId, locale } = token;
  const identifierId = present(token.identifierId, 'the address of an undo link');
  return {
    userId,
    now,
    userKey,
    refusal: 'invalid_token',
    apply: async (tx) => {
      const used = await consume(tx, 'undo_email_change', text, now);
      if (used === undefined) throw new Problem('invalid_token');
      const restored = await restoreEmail(tx, { userId, identifierId, authEpoch: token.authEpoch, now });
      if (restored === undefined) throw new Problem('invalid_token', { log: 'the address is no longer held' });
      // Whoever changed the address may also have set up the factor that keeps the owner out.
      await endSecondFactors(tx, flow, userId, token.createdAt);
      await deleteIdentitiesSince(tx, userId, token.createdAt);
      await setPassword(tx, userId, flow.keys.seal('password', phc, passwordAssociatedData(userId)), now);
      return restored;
    },
    sessions: { kind: 'end_all', reason: 'email_change_undone' },
    resets: ['password', 'password_known_device', 'email_code', 'mailbox_code'],
    event: ({ applied: to }) => ({
      action: 'email.change_undone',
      actor: { kind: 'user', id: userId },
      personal: { to },
    }),
    mail: async () => {
      const notice = { template: 'email_change_undone', params: occasionOf(caller), tokenId: null } as const;
      return flow.mail.values({ ...notice, identifierId, locale, userId, userKey, now });
    },
  };
}
