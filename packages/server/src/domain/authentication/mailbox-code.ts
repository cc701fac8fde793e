/**
 * A code that is mailed to the verified address of a known user. It proves the mailbox: for a login that has to before it
 * may set a second factor up, and for the step-up of a user without password and second factor.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { attemptColumns, attemptFields, requireAttempt, reserveAttemptFragment } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { enqueueMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import {
  issueToken,
  maxCodeTries,
  type OneTimeTokens,
  tokenLifetimeSeconds,
  tryCodeFragment,
} from '#domain/one-time-tokens/index.ts';
import { lockUser } from '#domain/user-changes/index.ts';
import { isActive, type Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { RateLimits } from '#platform/rate-limit/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';
import type { Proof } from './proofs.ts';

/** Dependencies of the codes. */
export interface MailboxCodes {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly users: Users;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly limits: Pick<RateLimits, 'takeMail'>;
}

/** The hash of the only ticket or session that may use a code. */
export type MailboxCodeBinding = Buffer;

/** The binding to a login in progress. */
export function bindingToTicket(ticket: string): MailboxCodeBinding {
  return hashSecret(ticket);
}

/** The binding to a session, which only its holder can present. */
export function bindingToSession(sessionId: string): MailboxCodeBinding {
  return createHash('sha256').update(`session ${sessionId}`).digest();
}

/** The seconds in which a code is valid. */
export const mailboxCodeSeconds = tokenLifetimeSeconds.mailbox_code;

/** After so many requests for a code another mail would be too many; the quota of mails ends within an hour. */
const retryAfterSeconds = 15 * 60;

const findRecipient = statement('mailbox_codes.find_recipient', {
  lane: 'read',
  sql: `select u.auth_epoch, u.locale, i.id as identifier_id, i.canonical, k.wrapped
    from users u join identifiers i on i.user_id = u.id join user_keys k on k.user_id = u.id
    where u.id = :userId and ${isActive('u')} and i.kind = 'email' and i.is_primary and i.verified_at is not null`,
  params: { userId: 'uuid' },
  columns: { authEpoch: 'int4', locale: 'text', identifierId: 'uuid', canonical: 'text', wrapped: 'bytea' },
});

/** A user who proves the mailbox, and the epoch of the ticket or session. */
export interface MailboxCodeRequest {
  readonly userId: string;
  readonly authEpoch: number;
  readonly binding: MailboxCodeBinding;
  /** The problem of a ticket or session that ended meanwhile. */
  readonly refusal: 'invalid_ticket' | 'not_authenticated';
}

/**
 * Mails a code, which replaces an earlier one of the same binding. The quota is taken first: a code that is not sent must
 * not replace one that was.
 *
 * @throws Problem `refusal` for a user without a verified address, or whose epoch is another one; `too_many_requests` after
 * too many mails.
 */
export async function sendMailboxCode(
  deps: MailboxCodes,
  { userId, authEpoch, binding, refusal }: MailboxCodeRequest,
  requester: Requester,
): Promise<void> {
  const found = await deps.database.row(findRecipient, { userId });
  if (found === undefined || found.authEpoch !== authEpoch) throw new Problem(refusal);
  const { identifierId, locale, canonical, wrapped } = found;
  // Only a ticket or a session of the user requests it, so that the quota is the one of known devices.
  const mayBeSent = await deps.limits.takeMail({ kind: 'mailbox_code', recipient: canonical, fromKnownDevice: true });
  if (!mayBeSent) throw new Problem('too_many_requests', { retryAfterSeconds });
  const userKey = deps.keys.unwrapUserKey(userId, wrapped);
  await deps.database.transaction(async (tx) => {
    await lockUser(deps.users, tx, { userId, authEpoch, refusal });
    const now = deps.clock.now();
    const tokenId = deps.tokens.newId();
    const token = {
      id: tokenId,
      purpose: 'mailbox_code',
      userId,
      identifierId,
      authEpoch,
      sealedPayload: null,
    } as const;
    await issueToken(tx, deps.tokens.values({ ...token, browserHash: binding, now }));
    const mail = { template: 'mailbox_code', tokenId, params: {}, isAdmitted: true } as const;
    await enqueueMail(tx, deps.mail.values({ ...mail, locale, userId, identifierId, userKey, now }));
    const actor = { kind: 'user', id: userId } as const;
    const event = { action: 'mailbox_code.requested', at: now, actor, userId } as const;
    await deps.audit.record(tx, { ...event, personal: clientInfoOf(requester) }, userKey);
  });
}

const reserved = reserveAttemptFragment(`'mailbox_code'`, { when: 'exists (select from known)' });
const tried = tryCodeFragment('reserved', 'mailbox_code');

/** Counts the attempt for the user and the try of the code, before the code is compared. */
const reserveAttempt = statement('mailbox_codes.reserve_attempt', {
  lane: 'counter',
  sql: `with known as (select u.id, u.auth_epoch from users u where u.id = :userId and ${isActive('u')}),
    ${reserved.sql},
    ${tried.sql}
    select ${attemptFields}, tried.id as token_id, tried.key_id, tried.hash, tried.tries
    from (select) as one left join reserved on true left join attempt_counter on true left join tried on true`,
  params: { userId: 'uuid', ...reserved.params, ...tried.params },
  columns: { ...attemptColumns, tokenId: 'uuid?', keyId: 'uuid?', hash: 'bytea?', tries: 'int4?' },
});

/**
 * Counts an attempt and compares a typed code with the newest one of the binding. Returns the proof, or undefined for a
 * wrong, expired or exhausted code.
 *
 * @throws Problem `too_many_requests` after too many failures.
 */
export async function compareMailboxCode(
  { database, clock, tokens }: Pick<MailboxCodes, 'database' | 'clock' | 'tokens'>,
  { userId, binding }: Pick<MailboxCodeRequest, 'userId' | 'binding'>,
  code: string,
): Promise<Proof<'mailbox_code'> | undefined> {
  const now = clock.now();
  const values = { userId, unknownKey: Buffer.alloc(0), attemptedAt: now, browserHash: binding, now };
  const row = await database.row(reserveAttempt, values);
  requireAttempt(row, now);
  if (row?.tokenId == null || row.keyId === null || row.hash === null || row.tries === null) return undefined;
  const hash = tokens.codeHash(code, { id: row.tokenId, keyId: row.keyId, browserHash: binding });
  if (!timingSafeEqual(hash, row.hash) || row.tries > maxCodeTries) return undefined;
  return { by: 'mailbox_code', userId, hash, binding };
}
