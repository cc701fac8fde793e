/** Asking for another address, and thinking better of it. */
import { resetFailedAttempts } from '#domain/attempts/index.ts';
import type { Address } from '#domain/identifiers/index.ts';
import { enqueueMail } from '#domain/mail-ledger/index.ts';
import {
  type ChangeSide,
  findPendingChange,
  issueToken,
  revokeOthers,
  sealNewAddress,
} from '#domain/one-time-tokens/index.ts';
import { provePassword } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries, Values } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { allowsAddress } from '#protocol/email-domains/index.ts';
import { type ChangeEmail, eventOf, lockPeople } from './change-email.ts';
import { findAsker, findOtherHolder } from './statements.ts';

/** What somebody sends to change their address. */
export interface AskedChange {
  readonly newEmail: Address;
  readonly currentPassword: string;
}

/** What waits now. */
export interface RequestedChange {
  readonly expiresAt: Date;
  readonly waitingFor: readonly ChangeSide[];
}

type Asker = Values<typeof findAsker.columns> & { readonly userId: string; readonly key: UserKey };
type Holder = Values<typeof findOtherHolder.columns>;

/**
 * Sends the link that proves the new address, and tells the old one; where both have to confirm, a link goes there too.
 * Whether somebody else has the address shows nowhere: then its holder is told in place of the link, and everything else
 * is the same.
 */
export async function requestChange(
  flow: ChangeEmail,
  principal: Principal,
  asked: AskedChange,
  caller: Caller,
): Promise<RequestedChange> {
  // Decided by the address alone, before anything is read, as registering decides it.
  if (!allowsAddress(flow.emailDomains, asked.newEmail.canonical)) throw new Problem('email_domain_not_allowed');
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
  return { expiresAt, waitingFor: flow.confirmAt === 'both' ? ['old_address', 'new_address'] : ['new_address'] };
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

async function write(flow: ChangeEmail, tx: Queries, written: Written): Promise<Date> {
  const { asker, principal, asked, caller, holder } = written;
  const { userId, key, locale } = asker;
  const now = flow.clock.now();
  await revokeOthers(tx, userId, 'confirm_email_change', now);
  const newLink = flow.tokens.newId();
  const oldLink = flow.confirmAt === 'both' ? flow.tokens.newId() : undefined;
  const expiresAt = await issueLink(flow, tx, written, { id: newLink, otherLink: oldLink, identifierId: null, now });
  const isTaken = holder !== undefined && holder.verifiedAt !== null;
  if (isTaken) await notifyHolder(flow, tx, holder, now);
  else {
    // The reader may be a stranger, who is not told whose account it is.
    const mail = { template: 'email_change_confirm', params: { name: '' }, identifierId: null } as const;
    await enqueueMail(tx, flow.mail.values({ ...mail, tokenId: newLink, locale, userId, userKey: key, now }));
  }
  const { identifierId } = asker;
  if (oldLink !== undefined) await issueLink(flow, tx, written, { id: oldLink, otherLink: newLink, identifierId, now });
  const template = oldLink === undefined ? 'email_change_requested' : 'email_change_approve';
  const told = { template, params: {}, identifierId, tokenId: oldLink ?? null } as const;
  await enqueueMail(tx, flow.mail.values({ ...told, locale, userId, userKey: key, now }));
  await resetFailedAttempts(tx, userId, 'password_known_device');
  const event = eventOf('email.change_requested', userId, now, caller, { to: asked.newEmail.canonical });
  await flow.audit.record(tx, { ...event, sessionId: principal.sessionId }, key);
  return expiresAt;
}

interface NewLink {
  readonly id: string;
  readonly otherLink: string | undefined;
  readonly identifierId: string | null;
  readonly now: Date;
}

/** Answers when it expires. */
async function issueLink(
  flow: ChangeEmail,
  tx: Queries,
  { asker, principal, asked }: Written,
  { id, otherLink, identifierId, now }: NewLink,
): Promise<Date> {
  const { asTyped, canonical } = asked.newEmail;
  const token = flow.tokens.values({
    id,
    purpose: 'confirm_email_change',
    userId: asker.userId,
    identifierId,
    authEpoch: principal.authEpoch,
    sealedPayload: sealNewAddress(asker.key, id, { asTyped, canonical, otherLink }),
    now,
  });
  await issueToken(tx, token);
  return token.tokenExpiresAt;
}

async function notifyHolder(flow: ChangeEmail, tx: Queries, holder: Holder, now: Date): Promise<void> {
  const { userId, identifierId, locale, wrapped } = holder;
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const mail = { template: 'email_change_taken', params: {}, tokenId: null } as const;
  await enqueueMail(tx, flow.mail.values({ ...mail, identifierId, locale, userId, userKey, now }));
}

/** Ends the change that waits, if there is one; the same answer either way. */
export async function cancelChange(flow: ChangeEmail, principal: Principal, caller: Caller): Promise<void> {
  const { userId, sessionId } = principal;
  const key = await flow.users.key(userId);
  await flow.database.transaction(async (tx) => {
    await requireUnchanged(flow, tx, principal);
    const now = flow.clock.now();
    if ((await findPendingChange(tx, userId, now)) === undefined) return;
    await revokeOthers(tx, userId, 'confirm_email_change', now);
    await flow.audit.record(tx, { ...eventOf('email.change_cancelled', userId, now, caller), sessionId }, key);
  });
}
