/** The links that set an owner up: made by an operator, who hands them over. */
import type { AuditActor, AuditLog } from '#domain/audit/index.ts';
import { enqueueMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import { issueToken, type OneTimeTokens, revokeOthers, tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { listRoles, roleNameSql } from '#domain/roles/index.ts';
import type { Users } from '#domain/users/index.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';

/** Dependencies of the links. */
export interface OwnerLinks {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly users: Users;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

const hasPassword = statement('set_up_owner.has_password', {
  lane: 'pool',
  sql: 'select user_id from passwords where user_id = :userId',
  params: { userId: 'uuid' },
  columns: { userId: 'uuid' },
});

const findOwners = statement('set_up_owner.find_owners', {
  lane: 'pool',
  sql: `select u.id as user_id, u.locale, i.id as identifier_id, i.as_typed, k.wrapped
    from users u join identifiers i on i.user_id = u.id join user_keys k on k.user_id = u.id
    where u.status = 'active' and i.kind = 'email' and i.is_primary and i.verified_at is not null
      and exists (select from role_assignments r
        where r.user_id = u.id and r.scope_kind = 'deployment' and ${roleNameSql('r.role')} = 'owner')`,
  params: {},
  columns: { userId: 'uuid', locale: 'text', identifierId: 'uuid', asTyped: 'text', wrapped: 'bytea' },
});

/** The secret of a new link, or why there is none. */
export type SetupLink =
  | { readonly kind: 'made'; readonly token: string; readonly expiresAt: Date }
  | { readonly kind: 'refused'; readonly reason: 'owner' | 'has_password' | 'no_owner' | 'not_active' };

/**
 * Makes a link for a new owner: a user without a role and without a password. Its use sets the password and gives the role,
 * so that a link that is never used leaves nobody with it. An earlier link of the user ends.
 */
export function makeSetupLink(flow: OwnerLinks, actor: AuditActor, userId: string): Promise<SetupLink> {
  return makeLink(flow, userId, async (tx, isOwner) => {
    if (isOwner) return 'owner';
    if ((await tx.row(hasPassword, { userId })) !== undefined) return 'has_password';
    await flow.audit.record(tx, { action: 'owner.setup_link_made', at: flow.clock.now(), actor, userId });
    return undefined;
  });
}

/** Makes a link that sets an owner up again, and mails every owner: whoever has the link takes the account over. */
export function makeRecoveryLink(flow: OwnerLinks, actor: AuditActor, userId: string): Promise<SetupLink> {
  return makeLink(flow, userId, async (tx, isOwner) => {
    if (!isOwner) return 'no_owner';
    await flow.audit.record(tx, { action: 'owner.recovery_link_made', at: flow.clock.now(), actor, userId });
    await notifyOwners(flow, tx, userId);
    return undefined;
  });
}

type Refusal = Extract<SetupLink, { readonly kind: 'refused' }>['reason'];

async function makeLink(
  flow: OwnerLinks,
  userId: string,
  check: (tx: Queries, isOwner: boolean) => Promise<Refusal | undefined>,
): Promise<SetupLink> {
  return flow.database.transaction(async (tx) => {
    const user = await flow.users.lock(tx, userId);
    const isVerified = (await flow.users.primaryEmail(userId, tx)) !== undefined;
    if (user?.status !== 'active' || !isVerified) return { kind: 'refused', reason: 'not_active' };
    const reason = await check(tx, (await listRoles(tx, userId)).includes('owner'));
    if (reason !== undefined) return { kind: 'refused', reason };
    const now = flow.clock.now();
    await revokeOthers(tx, userId, 'setup', now);
    const { authEpoch } = user;
    const expiresAt = addSeconds(now, tokenLifetimeSeconds.setup);
    const token = { id: flow.tokens.newId(), purpose: 'setup', userId, identifierId: null, authEpoch } as const;
    const values = flow.tokens.values({ ...token, sealedPayload: null, now, expiresAt });
    await issueToken(tx, values);
    return { kind: 'made', token: flow.tokens.secret(token.id, 'setup', values.tokenKeyId), expiresAt };
  });
}

async function notifyOwners({ keys, mail, clock }: OwnerLinks, tx: Queries, userId: string): Promise<void> {
  const owners = await tx.rows(findOwners, {});
  const account = owners.find((owner) => owner.userId === userId)?.asTyped ?? '';
  for (const { userId: ownerId, wrapped, identifierId, locale } of owners) {
    const userKey = keys.unwrapUserKey(ownerId, wrapped);
    const notice = { template: 'owner_recovery', tokenId: null, params: { account } } as const;
    await enqueueMail(tx, mail.values({ ...notice, userId: ownerId, identifierId, locale, userKey, now: clock.now() }));
  }
}
