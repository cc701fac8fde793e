import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import type { Role } from '#domain/roles/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';

/** The lifetime of an invitation: a week, so that a recipient who is away for days can still use it. */
export const invitationLifetimeSeconds = 7 * 24 * 60 * 60;

/** Input of the secret's HMAC; `mail_ledger.find` must select the same text for an invitation. */
const purpose = 'invitation';

/**
 * Held until the end of the transaction: of concurrent invitations of one address each revokes the one before it. There may
 * be no row of the address to lock.
 */
const lockAddress = statement('invitations.lock_address', {
  lane: 'pool',
  sql: `select true as locked from pg_advisory_xact_lock(hashtextextended('invitation ' || :canonical::text, 0))`,
  params: { canonical: 'text' },
  columns: { locked: 'bool' },
});

const revokeEarlier = statement('invitations.revoke_earlier', {
  lane: 'pool',
  sql: `update invitations set consumed_at = :now, outcome = 'revoked', as_typed = null, canonical = null, wrapped_key = null
    where canonical = :canonical`,
  params: { canonical: 'text', now: 'timestamptz' },
  columns: {},
});

const insert = statement('invitations.insert', {
  lane: 'pool',
  sql: `insert into invitations (id, as_typed, canonical, locale, role, wrapped_key, hash, key_id, created_at, expires_at)
    values (:id, :asTyped, :canonical, :locale, :role, :wrappedKey, :hash, :keyId, :createdAt, :expiresAt)`,
  params: {
    id: 'uuid',
    asTyped: 'text',
    canonical: 'text',
    locale: 'text',
    role: 'text?',
    wrappedKey: 'bytea',
    hash: 'bytea',
    keyId: 'uuid',
    createdAt: 'timestamptz',
    expiresAt: 'timestamptz',
  },
  columns: {},
});

export interface NewInvitation {
  readonly id: string;
  readonly email: { readonly asTyped: string; readonly canonical: string };
  readonly locale: string;
  readonly role: Role | null;
  readonly now: Date;
}

/** Inserts an invitation and revokes the earlier ones of its address. Its key encrypts the address in the audit log. */
export async function insertInvitation(
  tx: Queries,
  deps: { readonly keys: Keys; readonly tokens: OneTimeTokens },
  { id, email, locale, role, now }: NewInvitation,
): Promise<{ readonly expiresAt: Date; readonly key: UserKey }> {
  const keyId = deps.keys.currentKeyId('link');
  const hash = hashSecret(deps.tokens.secret(id, purpose, keyId));
  const expiresAt = addSeconds(now, invitationLifetimeSeconds);
  const { asTyped, canonical } = email;
  await tx.row(lockAddress, { canonical });
  await tx.run(revokeEarlier, { canonical, now });
  const { key, wrapped: wrappedKey } = deps.keys.createKeyFor({ kind: 'invitation', id });
  await tx.run(insert, { id, asTyped, canonical, locale, role, wrappedKey, hash, keyId, createdAt: now, expiresAt });
  return { expiresAt, key };
}
