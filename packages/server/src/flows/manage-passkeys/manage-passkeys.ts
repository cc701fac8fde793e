/** The user's own passkeys: list, add, rename, remove. */
import type { AuditLog } from '#domain/audit/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import { changePasskey, listPasskeys, type Passkey, type PasskeySettings } from '#domain/passkeys/index.ts';
import type { SecondFactorRule } from '#domain/second-factors/index.ts';
import { findActing, type Issuers } from '#domain/session-issuance/index.ts';
import { lockUser } from '#domain/user-changes/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

/** Dependencies of the flow. */
export interface ManagePasskeys extends Issuers {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly users: Users;
  readonly secondFactorFor: SecondFactorRule;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly passkeys: PasskeySettings;
  /** How recent the proof must be. */
  readonly stepUpSeconds: number;
}

/** The session that changes a passkey. */
export interface Acting {
  readonly principal: Principal;
  readonly caller: Caller;
  readonly userKey: UserKey;
  readonly now: Date;
}

/** The user's passkeys, and the handle under which authenticators know the user. */
export interface OwnPasskeys {
  readonly passkeys: readonly Passkey[];
  readonly userHandle: Buffer | undefined;
}

export async function listOwn({ database }: ManagePasskeys, { userId }: Principal): Promise<OwnPasskeys> {
  const passkeys = await listPasskeys(database, userId);
  return { passkeys, userHandle: passkeys[0]?.userHandle };
}

/** The change of a passkey that revokes nothing. */
export interface PasskeyChange {
  readonly name: string | undefined;
  /** Lets it be a first factor again, after a recovery by mail. */
  readonly resume: boolean;
}

/**
 * Renames a passkey, or ends its suspension.
 *
 * @throws Problem `passkey_not_found`, also for the passkey of another user.
 */
export async function changeOwn(
  flow: ManagePasskeys,
  id: string,
  change: PasskeyChange,
  principal: Principal,
  caller: Caller,
): Promise<Passkey> {
  const { userId } = principal;
  const acting = { principal, caller, userKey: await keyOf(flow, userId), now: flow.clock.now() };
  return flow.database.transaction(async (tx) => {
    await lockActing(flow, tx, acting);
    const before = (await listPasskeys(tx, userId)).find((passkey) => passkey.id === id);
    const passkey = await changePasskey(tx, { id, userId }, change);
    if (before === undefined || passkey === undefined) throw new Problem('passkey_not_found');
    if (before.name !== passkey.name) await record(flow, tx, acting, 'passkey.renamed', { passkeyId: id });
    if (before.suspendedAt !== passkey.suspendedAt && passkey.suspendedAt === null)
      await record(flow, tx, acting, 'passkey.resumed', { passkeyId: id });
    return passkey;
  });
}

/** Locks the user, whose epoch must be that of the session, and whose session must be active. */
export async function lockActing(
  { users }: ManagePasskeys,
  tx: Queries,
  { principal, now }: Pick<Acting, 'principal' | 'now'>,
): Promise<void> {
  const { userId, authEpoch } = principal;
  await lockUser(users, tx, { userId, authEpoch, refusal: 'not_authenticated' });
  if ((await findActing(tx, principal, now)) === undefined) throw new Problem('not_authenticated');
}

/** Records an event of the user about a passkey. */
export async function record(
  { audit }: ManagePasskeys,
  tx: Queries,
  { principal: { userId, sessionId }, caller, userKey, now }: Acting,
  action: 'passkey.added' | 'passkey.renamed' | 'passkey.resumed',
  facts: { readonly passkeyId: string; readonly kind?: 'passkey' | 'security_key' },
): Promise<void> {
  const actor = { kind: 'user', id: userId } as const;
  await audit.record(
    tx,
    { action, at: now, actor, userId, sessionId, facts: { ...facts }, personal: clientInfoOf(caller) },
    userKey,
  );
}

/** The user's key; the user may have been erased since the session check. */
export async function keyOf({ users }: ManagePasskeys, userId: string): Promise<UserKey> {
  const userKey = await users.key(userId);
  if (userKey === undefined) throw new Problem('not_authenticated');
  return userKey;
}
