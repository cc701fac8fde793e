import { type AttemptKind, resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditEvent, AuditLog } from '#domain/audit/index.ts';
import { enqueueMail, type MailValues } from '#domain/mail-ledger/index.ts';
import { type Purpose, revokeLinksOfUser, revokeOthers } from '#domain/one-time-tokens/index.ts';
import {
  type ActingSession,
  findActing,
  type IssuedSession,
  type Issuers,
  type RenewedContext,
  renewSession,
} from '#domain/session-issuance/index.ts';
import { type EndReason, endSessionsOfUser } from '#domain/sessions/index.ts';
import type { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { type ChangeCondition, lockUser, refusalOf } from './lock-user.ts';

/** Dependencies of `changeUser`. */
export interface UserChangeDeps {
  readonly users: Users;
  readonly audit: AuditLog;
}

/** The effect on the user's sessions. All carry an earlier epoch already; ending them records why. */
export type SessionEffect =
  /** For users without sessions: unverified, pending deletion, or erased. */
  | { readonly kind: 'none' }
  | { readonly kind: 'end_all'; readonly reason: EndReason }
  /** Ends all, and the acting one goes on under a new id; refused when the acting one is not active any more. */
  | {
      readonly kind: 'renew_acting';
      readonly reason: EndReason;
      readonly sessionId: string;
      readonly issuers: Issuers;
      /** For a change that proves a further factor: the gate's `contextWithProof`. */
      readonly context?: (acting: ActingSession) => RenewedContext;
    };

/** A change. `A` is the result of its own statements. */
export interface UserChange<A = undefined> extends ChangeCondition {
  readonly now: Date;
  /** Encrypts the personal data of the event. */
  readonly userKey?: UserKey;
  /** The change's own statements, under the lock and before the epoch is raised. */
  readonly apply?: (tx: Queries) => Promise<A>;
  /** Raises the epoch by a statement of its own, instead of `Users.raiseEpoch`; undefined: the change does not apply. */
  readonly raise?: (tx: Queries, applied: A) => Promise<number | undefined>;
  readonly sessions: SessionEffect;
  /** The counters that the proof of the change resets. */
  readonly resets?: readonly AttemptKind[];
  /** Links whose rows are marked `replaced`; those of an earlier epoch are invalid either way. */
  readonly replacesLinks?: Purpose | 'all';
  readonly event: (changed: ChangedUser<A>) => ChangeEvent;
  /**
   * The notice to the user; also issues the link that it carries, in the new epoch. Undefined: there is no recipient.
   */
  readonly mail?: (tx: Queries, changed: ChangedUser<A>) => Promise<MailValues | undefined>;
}

/** The event of a change; the address and user agent of the requester are added to its personal data. */
type ChangeEvent = Pick<AuditEvent, 'action' | 'actor' | 'sessionId' | 'facts' | 'personal'>;

/** A change that was written, and commits with the transaction. */
export interface ChangedUser<A = undefined> {
  readonly applied: A;
  readonly authEpoch: number;
  readonly endedSessions: number;
  /** The session that goes on in place of the acting one. */
  readonly renewed: IssuedSession | undefined;
}

/**
 * Changes a user within a transaction.
 *
 * @param requester undefined for jobs and commands.
 * @throws Problem `refusal`, or `UnchangedUser`, when the user's state does not allow the change; what `apply` throws.
 */
export async function changeUser<A = undefined>(
  deps: UserChangeDeps,
  tx: Queries,
  requester: Requester | undefined,
  change: UserChange<A>,
): Promise<ChangedUser<A>> {
  const { userId, now } = change;
  const status = await lockUser(deps.users, tx, change);
  const acting = await findActingOf(tx, change);
  const applied = (await change.apply?.(tx)) as A;
  const authEpoch = change.raise ? await change.raise(tx, applied) : await deps.users.raiseEpoch(tx, userId);
  if (authEpoch === undefined) throw refusalOf(change, status);
  const changed = { applied, authEpoch, ...(await endSessions(tx, requester, change, acting, authEpoch)) };
  if (change.resets !== undefined) await resetFailedAttempts(tx, userId, ...change.resets);
  if (change.replacesLinks === 'all') await revokeLinksOfUser(tx, userId, now);
  else if (change.replacesLinks !== undefined) await revokeOthers(tx, userId, change.replacesLinks, now);
  const mail = await change.mail?.(tx, changed);
  await deps.audit.record(tx, eventOf(requester, change, changed), change.userKey);
  if (mail !== undefined) await enqueueMail(tx, mail);
  return changed;
}

async function findActingOf<A>(tx: Queries, change: UserChange<A>): Promise<ActingSession | undefined> {
  const { userId, sessions, now } = change;
  if (sessions.kind !== 'renew_acting') return undefined;
  const acting = await findActing(tx, { userId, sessionId: sessions.sessionId }, now);
  if (acting === undefined) throw refusalOf(change, undefined);
  return acting;
}

async function endSessions<A>(
  tx: Queries,
  requester: Requester | undefined,
  { userId, userKey, sessions, now }: UserChange<A>,
  acting: ActingSession | undefined,
  authEpoch: number,
): Promise<Pick<ChangedUser, 'endedSessions' | 'renewed'>> {
  if (sessions.kind === 'none') return { endedSessions: 0, renewed: undefined };
  const { reason } = sessions;
  const endedSessions = await endSessionsOfUser(tx, { userId, reason, now });
  if (sessions.kind === 'end_all') return { endedSessions, renewed: undefined };
  const holder = present(acting, 'the acting session');
  const renewed = await renewSession(sessions.issuers, tx, holder, {
    context: sessions.context?.(holder),
    authEpoch,
    requester: present(requester, 'the requester of a renewed session'),
    userKey: present(userKey, 'the key of a renewed session'),
    now,
  });
  return { endedSessions, renewed };
}

function eventOf<A>(
  requester: Requester | undefined,
  { userId, now, event }: UserChange<A>,
  changed: ChangedUser<A>,
): AuditEvent {
  const { personal, ...rest } = event(changed);
  const known = { ...(requester === undefined ? {} : clientInfoOf(requester)), ...personal };
  return { ...rest, at: now, userId, ...(Object.keys(known).length === 0 ? {} : { personal: known }) };
}
