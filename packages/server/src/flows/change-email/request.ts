/** Asking for another address, and thinking better of it. */
import { forgiveAttempts } from '#domain/attempts/index.ts';
import { findPendingChange, sealNewAddress } from '#domain/email-changes/index.ts';
import type { Address } from '#domain/identifiers/index.ts';
import { promiseMail } from '#domain/mail-ledger/index.ts';
import { issueToken, killOthers } from '#domain/one-time-tokens/index.ts';
import { provePassword } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries, Values } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { type ChangeEmail, eventOf, lockPeople } from './change-email.ts';
import { findAsker, findOtherHolder } from './statements.ts';

/** What somebody sends to change their address. */
export interface AskedChange {
  readonly newEmail: Address;
  readonly currentPassword: string;
}

type Asker = Values<typeof findAsker.columns> & { readonly userId: string; readonly key: UserKey };
type Holder = Values<typeof findOtherHolder.columns>;

/**
 * Sends the link that proves the new address, and tells the old one. Whether somebody else has the address shows
 * nowhere: then its holder is told in place of the link, and everything else is the same. Answers when the link expires.
 */
export async function requestChange(
  flow: ChangeEmail,
  principal: Principal,
  asked: AskedChange,
  caller: Caller,
): Promise<Date> {
  const asker = await authenticate(flow, principal.userId, asked, caller);
  const wanted = { canonical: asked.newEmail.canonical, userId: asker.userId };
  const seen = await flow.database.row(findOtherHolder, wanted);
  const expiresAt = await flow.database.transaction(async (tx) => {
    await lockPeople(flow, tx, [asker.userId, seen?.userId]);
    await requireUnchanged(flow, tx, principal);
    // Read again under the lock: only the holder whose row is taken may be written about.
    const holder = await tx.row(findOtherHolder, wanted);
    return write(flow, tx, {
      asker,
      principal,
      asked,
      caller,
      holder: holder?.userId === seen?.userId ? holder : undefined,
    });
  });
  flow.onPromised();
  return expiresAt;
}

/** The attempt is counted before the hash is computed, and forgiven with the effect. */
async function authenticate(
  flow: ChangeEmail,
  userId: string,
  { newEmail, currentPassword }: AskedChange,
  caller: Caller,
): Promise<Asker> {
  const row = await flow.database.row(findAsker, { userId });
  if (row === undefined) throw new Problem('not_authenticated', { log: 'the user was erased meanwhile' });
  if (newEmail.canonical === row.canonical) {
    const message = 'This is your address already.';
    throw new Problem('validation_failed', { errors: [{ path: '/newEmail', code: 'same_address', message }] });
  }
  const key = flow.keys.unwrapUserKey(userId, row.wrapped);
  if (await provePassword(flow, userId, currentPassword)) return { ...row, userId, key };
  const event = eventOf('email.change_refused', userId, flow.clock.now(), caller);
  await flow.audit.record(flow.database, event, key);
  throw new Problem('invalid_password');
}

/** A change of password or a logout everywhere that came in between ends this request as it ended the session. */
async function requireUnchanged(flow: ChangeEmail, tx: Queries, { userId, authEpoch }: Principal): Promise<void> {
  const user = await flow.users.lock(tx, userId);
  if (user?.authEpoch !== authEpoch) throw new Problem('not_authenticated', { log: 'the epoch rose meanwhile' });
}

interface Written {
  readonly asker: Asker;
  readonly principal: Principal;
  readonly asked: AskedChange;
  readonly caller: Caller;
  readonly holder: Holder | undefined;
}

async function write(
  flow: ChangeEmail,
  tx: Queries,
  { asker, principal, asked, caller, holder }: Written,
): Promise<Date> {
  const { userId, key, locale } = asker;
  const now = flow.clock.now();
  await killOthers(tx, userId, 'confirm_email_change', now);
  const tokenId = flow.tokens.newId();
  const token = flow.tokens.values({
    id: tokenId,
    purpose: 'confirm_email_change',
    userId,
    identifierId: null,
    authEpoch: principal.authEpoch,
    sealedPayload: sealNewAddress(key, tokenId, asked.newEmail),
    now,
  });
  await issueToken(tx, token);
  const isTaken = holder !== undefined && holder.verifiedAt !== null;
  if (isTaken) await tellHolder(flow, tx, holder, now);
  else {
    // The reader may be a stranger, who is not told whose account it is.
    const mail = { template: 'email_change_confirm', params: { name: '' }, identifierId: null, tokenId } as const;
    await promiseMail(tx, flow.mail.values({ ...mail, locale, userId, userKey: key, now }));
  }
  const told = { template: 'email_change_requested', params: {}, identifierId: asker.identifierId } as const;
  await promiseMail(tx, flow.mail.values({ ...told, tokenId: null, locale, userId, userKey: key, now }));
  await forgiveAttempts(tx, userId);
  const event = eventOf('email.change_requested', userId, now, caller, { to: asked.newEmail.canonical });
  await flow.audit.record(tx, { ...event, sessionId: principal.sessionId }, key);
  return token.tokenExpiresAt;
}

async function tellHolder(flow: ChangeEmail, tx: Queries, holder: Holder, now: Date): Promise<void> {
  const { userId, identifierId, locale, wrapped } = holder;
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const mail = { template: 'email_change_taken', params: {}, tokenId: null } as const;
  await promiseMail(tx, flow.mail.values({ ...mail, identifierId, locale, userId, userKey, now }));
}

/** Ends the change that waits, if there is one; the same answer either way. */
export async function cancelChange(flow: ChangeEmail, principal: Principal, caller: Caller): Promise<void> {
  const { userId, sessionId } = principal;
  const key = await flow.users.key(userId);
  await flow.database.transaction(async (tx) => {
    await requireUnchanged(flow, tx, principal);
    const now = flow.clock.now();
    if ((await findPendingChange(tx, userId, now)) === undefined) return;
    await killOthers(tx, userId, 'confirm_email_change', now);
    await flow.audit.record(tx, { ...eventOf('email.change_cancelled', userId, now, caller), sessionId }, key);
  });
}
