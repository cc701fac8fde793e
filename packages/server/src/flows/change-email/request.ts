/** The request for a change, and its cancellation. */
import { resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditAction } from '#domain/audit/index.ts';
import { type RecentProof, requireRecentProof } from '#domain/authentication/index.ts';
import type { Address } from '#domain/identifiers/index.ts';
import { enqueueMail, occasionOf } from '#domain/mail-ledger/index.ts';
import {
  type ChangeSide,
  findPendingChange,
  issueToken,
  revokeOthers,
  sealNewAddress,
} from '#domain/one-time-tokens/index.ts';
import { lockUser } from '#domain/user-changes/index.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Queries, Values } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { allowsAddress } from '#protocol/email-domains/index.ts';
import type { ChangeEmail } from './change-email.ts';
import { findOtherHolder, findSubject } from './statements.ts';

export interface ChangeRequest {
  readonly newEmail: Address;
  readonly currentPassword?: string | undefined;
}

export interface RequestedChange {
  readonly expiresAt: Date;
  readonly waitingFor: readonly ChangeSide[];
}

type Subject = Values<typeof findSubject.columns> & {
  readonly userId: string;
  readonly key: UserKey;
  readonly proof: RecentProof;
};
type Holder = Values<typeof findOtherHolder.columns>;

/**
 * Mails a confirmation link to the new address, and a notice (or, where both addresses must confirm, a link) to the old
 * one. When another user has verified the new address, that user gets a notice instead of the link; the response and the
 * rest of the work are the same, so that the response does not reveal whether the address is taken.
 */
export async function requestChange(
  flow: ChangeEmail,
  principal: Principal,
  change: ChangeRequest,
  requester: Requester,
): Promise<RequestedChange> {
  // Depends on the address alone, as at registration: it is decided before any read.
  if (!allowsAddress(flow.emailDomains, change.newEmail.canonical)) throw new Problem('email_domain_not_allowed');
  const subject = await authenticate(flow, principal, change, requester);
  const wanted = { canonical: change.newEmail.canonical, userId: subject.userId };
  const read = await flow.database.row(findOtherHolder, wanted);
  const expiresAt = await flow.database.transaction(async (tx) => {
    await flow.users.lockAll(tx, [subject.userId, read?.userId]);
    await requireEpoch(flow, tx, principal);
    // Read again under the locks: only a holder whose row is locked can be notified.
    const now = await tx.row(findOtherHolder, wanted);
    const holder = now?.userId === read?.userId ? now : undefined;
    return write(flow, tx, { subject, principal, change, requester, holder });
  });
  return { expiresAt, waitingFor: flow.confirmAt === 'both' ? ['old_address', 'new_address'] : ['new_address'] };
}

/** Verifies the password or the recent authentication; an attempt at the password is counted before its hash is computed. */
async function authenticate(
  flow: ChangeEmail,
  principal: Principal,
  { newEmail, currentPassword }: ChangeRequest,
  requester: Requester,
): Promise<Subject> {
  const { userId } = principal;
  const row = await flow.database.row(findSubject, { userId });
  if (row === undefined) throw new Problem('not_authenticated', { log: 'the user was erased' });
  if (newEmail.canonical === row.canonical) {
    const message = 'This is already your email.';
    throw new Problem('validation_failed', { errors: [{ path: '/newEmail', code: 'same_address', message }] });
  }
  const key = flow.keys.unwrapUserKey(userId, row.wrapped);
  const proof = await requireRecentProof(flow, principal, currentPassword);
  if (proof !== 'wrong_password') return { ...row, userId, key, proof };
  const event = eventOf('email.change_refused', userId, flow.clock.now(), requester);
  await flow.audit.record(flow.database, event, key);
  throw new Problem('invalid_password');
}

/** A change that raised the epoch since the session check has revoked the session; it revokes this request too. */
async function requireEpoch(flow: ChangeEmail, tx: Queries, { userId, authEpoch }: Principal): Promise<void> {
  await lockUser(flow.users, tx, { userId, authEpoch, refusal: 'not_authenticated' });
}

interface Written {
  readonly subject: Subject;
  readonly principal: Principal;
  readonly change: ChangeRequest;
  readonly requester: Requester;
  readonly holder: Holder | undefined;
}

async function write(flow: ChangeEmail, tx: Queries, written: Written): Promise<Date> {
  const { subject, principal, change, requester, holder } = written;
  const { userId, key, locale, identifierId } = subject;
  const now = flow.clock.now();
  await revokeOthers(tx, userId, 'confirm_email_change', now);
  const newLink = flow.tokens.newId();
  const oldLink = flow.confirmAt === 'both' ? flow.tokens.newId() : undefined;
  const expiresAt = await issueLink(flow, tx, written, { id: newLink, otherLink: oldLink, identifierId: null, now });
  const isTaken = holder !== undefined && holder.verifiedAt !== null;
  if (isTaken) await notifyHolder(flow, tx, holder, now);
  else {
    // The reader may be a stranger, so the mail does not contain the user's name.
    const mail = { template: 'email_change_confirm', params: { name: '' }, identifierId: null } as const;
    await enqueueMail(tx, flow.mail.values({ ...mail, tokenId: newLink, locale, userId, userKey: key, now }));
  }
  if (oldLink !== undefined) await issueLink(flow, tx, written, { id: oldLink, otherLink: newLink, identifierId, now });
  const template = oldLink === undefined ? 'email_change_requested' : 'email_change_approve';
  const notice = { template, params: occasionOf(requester), identifierId, tokenId: oldLink ?? null } as const;
  await enqueueMail(tx, flow.mail.values({ ...notice, locale, userId, userKey: key, now }));
  if (subject.proof === 'password') await resetFailedAttempts(tx, userId, 'password_known_device');
  const event = eventOf('email.change_requested', userId, now, requester, { to: change.newEmail.canonical });
  await flow.audit.record(tx, { ...event, sessionId: principal.sessionId }, key);
  return expiresAt;
}

interface NewLink {
  readonly id: string;
  readonly otherLink: string | undefined;
  readonly identifierId: string | null;
  readonly now: Date;
}

/** Issues a confirmation link and returns its expiry. */
async function issueLink(
  flow: ChangeEmail,
  tx: Queries,
  { subject, principal, change }: Written,
  { id, otherLink, identifierId, now }: NewLink,
): Promise<Date> {
  const { asTyped, canonical } = change.newEmail;
  const token = flow.tokens.values({
    id,
    purpose: 'confirm_email_change',
    userId: subject.userId,
    identifierId,
    authEpoch: principal.authEpoch,
    sealedPayload: sealNewAddress(subject.key, id, { asTyped, canonical, otherLink }),
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

/** Cancels the pending change. Idempotent: without one it changes nothing and records nothing. */
export async function cancelChange(flow: ChangeEmail, principal: Principal, requester: Requester): Promise<void> {
  const { userId, sessionId } = principal;
  const key = await flow.users.key(userId);
  await flow.database.transaction(async (tx) => {
    await requireEpoch(flow, tx, principal);
    const now = flow.clock.now();
    if ((await findPendingChange(tx, userId, now)) === undefined) return;
    await revokeOthers(tx, userId, 'confirm_email_change', now);
    await flow.audit.record(tx, { ...eventOf('email.change_canceled', userId, now, requester), sessionId }, key);
  });
}

function eventOf(
  action: AuditAction,
  userId: string,
  at: Date,
  requester: Requester,
  personal: Readonly<Record<string, string>> = {},
) {
  const actor = { kind: 'user', id: userId } as const;
  return { action, at, actor, userId, personal: { ...clientInfoOf(requester), ...personal } };
}
