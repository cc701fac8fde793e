/** Pressing the link at the old address: whoever has that mailbox takes the account back. */
import { resetFailedAttempts } from '#domain/attempts/index.ts';
import { restoreEmail } from '#domain/identifiers/index.ts';
import { enqueueMail } from '#domain/mail-ledger/index.ts';
import { consume, findActive, type OneTimeToken } from '#domain/one-time-tokens/index.ts';
import { passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type ChangeEmail, endEverything, eventOf } from './change-email.ts';

/** Looks at a link without using it. */
export async function readUndoLink(flow: ChangeEmail, text: string): Promise<OneTimeToken | undefined> {
  return findActive(flow.database, 'undo_email_change', text, flow.clock.now());
}

/**
 * Restores the address, sets the new password and ends everything. The link outlives the epoch: neither a password
 * that the other one changed, nor another change of address, stops it. The old password may be known to them, so a new
 * one comes with it.
 */
export async function undoChange(flow: ChangeEmail, text: string, newPassword: string, caller: Caller): Promise<void> {
  const token = await readUndoLink(flow, text);
  if (token === undefined) throw new Problem('invalid_token');
  const languages = [token.locale, ...wantedLanguages(caller.acceptLanguage)];
  const candidate = { password: newPassword, field: '/password', languages };
  const phc = await flow.hashes.compute(await flow.passwordRules.acceptFor(token.userId, candidate));
  const userKey = await flow.users.key(token.userId);
  if (userKey === undefined) throw new Problem('invalid_token');
  await flow.database.transaction((tx) => use(flow, tx, { text, token, phc, userKey, caller }));
}

interface Use {
  readonly text: string;
  readonly token: OneTimeToken;
  readonly phc: string;
  readonly userKey: UserKey;
  readonly caller: Caller;
}

async function use(flow: ChangeEmail, tx: Queries, { text, token, phc, userKey, caller }: Use): Promise<void> {
  const now = flow.clock.now();
  const { userId, locale } = token;
  const identifierId = present(token.identifierId, 'the address of an undo link');
  await flow.users.lock(tx, userId);
  const used = await consume(tx, 'undo_email_change', text, now);
  if (used === undefined) throw new Problem('invalid_token');
  const restored = await restoreEmail(tx, { userId, identifierId, tokenId: token.id, now });
  if (restored === undefined) throw new Problem('invalid_token', { log: 'the address is not held any more' });
  await setPassword(tx, userId, flow.keys.seal('password', phc, passwordAssociatedData(userId)), now);
  await resetFailedAttempts(tx, userId, 'password', 'password_known_device', 'email_code');
  await endEverything(flow, tx, userId, 'email_change_undone', now);
  const mail = { template: 'email_change_undone', params: {}, tokenId: null } as const;
  await enqueueMail(tx, flow.mail.values({ ...mail, identifierId, locale, userId, userKey, now }));
  await flow.audit.record(tx, eventOf('email.change_undone', userId, now, caller, { to: restored }), userKey);
}
