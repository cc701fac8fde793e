/** The rows of identities: find, link, use, suspend, unlink. */
import { z } from 'zod';
import { spendNonce } from '#domain/used-nonces/index.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';

const profileSchema = z.strictObject({
  email: z.string().nullable(),
  name: z.string().nullable(),
});

/** The person's name and email at the provider when the identity was linked, to distinguish two of them. Never updated. */
export type IdentityProfile = z.infer<typeof profileSchema>;

/** The identity of a user, as its owner reads it. */
export interface FederatedIdentity {
  readonly id: string;
  readonly issuer: string;
  readonly profile: IdentityProfile;
  readonly suspendedAt: Date | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

const find = statement('federated_identities.find', {
  lane: 'read',
  sql: `select id, user_id, suspended_at from federated_identities where issuer = :issuer and subject = :subject`,
  params: { issuer: 'text', subject: 'text' },
  columns: { id: 'uuid', userId: 'uuid', suspendedAt: 'timestamptz?' },
});

const list = statement('federated_identities.list', {
  lane: 'read',
  sql: `select id, issuer, sealed_profile, suspended_at, created_at, last_used_at from federated_identities
    where user_id = :userId order by created_at, id`,
  params: { userId: 'uuid' },
  columns: {
    id: 'uuid',
    issuer: 'text',
    sealedProfile: 'bytea?',
    suspendedAt: 'timestamptz?',
    createdAt: 'timestamptz',
    lastUsedAt: 'timestamptz?',
  },
});

const findAny = statement('federated_identities.find_any', {
  lane: 'read',
  sql: 'select id from federated_identities where user_id = :userId limit 1',
  params: { userId: 'uuid' },
  columns: { id: 'uuid' },
});

const insert = statement('federated_identities.insert', {
  lane: 'pool',
  sql: `insert into federated_identities (id, user_id, issuer, subject, sealed_profile, created_at)
    values (:id, :userId, :issuer, :subject, :sealedProfile, :now)
    on conflict (issuer, subject) do nothing
    returning id`,
  params: {
    id: 'uuid',
    userId: 'uuid',
    issuer: 'text',
    subject: 'text',
    sealedProfile: 'bytea',
    now: 'timestamptz',
  },
  columns: { id: 'uuid' },
});

const resume = statement('federated_identities.resume', {
  lane: 'pool',
  sql: `update federated_identities set suspended_at = null
    where id = :id and user_id = :userId and suspended_at is not null returning id`,
  params: { id: 'uuid', userId: 'uuid' },
  columns: { id: 'uuid' },
});

// The provider may have been disabled since the callback: the statement that uses the identity reads it again.
const use = statement('federated_identities.use', {
  lane: 'pool',
  sql: `update federated_identities i set last_used_at = :now
    where i.id = :id and i.user_id = :userId and i.suspended_at is null
      and exists (select from identity_providers p where p.issuer = i.issuer and p.enabled)
    returning i.id`,
  params: { id: 'uuid', userId: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const finishLogin = statement('provider_logins.finish', {
  lane: 'pool',
  sql: `delete from provider_logins where id = :id and consumed_at is not null returning id`,
  params: { id: 'uuid' },
  columns: { id: 'uuid' },
});

const suspend = statement('federated_identities.suspend', {
  lane: 'pool',
  sql: `update federated_identities set suspended_at = :now where user_id = :userId and suspended_at is null returning id`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const deleteOne = statement('federated_identities.unlink', {
  lane: 'pool',
  sql: 'delete from federated_identities where id = :id and user_id = :userId returning issuer',
  params: { id: 'uuid', userId: 'uuid' },
  columns: { issuer: 'text' },
});

const deleteSince = statement('federated_identities.delete_since', {
  lane: 'pool',
  sql: 'delete from federated_identities where user_id = :userId and created_at > :since',
  params: { userId: 'uuid', since: 'timestamptz' },
  columns: {},
});

/** A known identity. */
export interface FoundIdentity {
  readonly id: string;
  readonly userId: string;
  readonly suspendedAt: Date | null;
}

/** The identity (issuer, subject), which has one user at most. */
export function findIdentity(
  queries: Queries,
  { issuer, subject }: { readonly issuer: string; readonly subject: string },
): Promise<FoundIdentity | undefined> {
  return queries.row(find, { issuer, subject });
}

/** The identities of a user, oldest first. */
export async function listIdentities(
  queries: Queries,
  userKey: UserKey,
  userId: string,
): Promise<readonly FederatedIdentity[]> {
  const rows = await queries.rows(list, { userId });
  return rows.map(({ sealedProfile, ...row }) => ({ ...row, profile: openProfile(userKey, row.id, sealedProfile) }));
}

export async function hasIdentities(queries: Queries, userId: string): Promise<boolean> {
  return (await queries.row(findAny, { userId })) !== undefined;
}

function openProfile(userKey: UserKey, id: string, sealed: Buffer | null): IdentityProfile {
  if (sealed === null) return { email: null, name: null };
  return profileSchema.parse(JSON.parse(userKey.open(sealed, profileCell(id)).toString('utf8')));
}

function profileCell(id: string) {
  return { table: 'federated_identities', column: 'sealed_profile', row: id };
}

/** An identity that a user is about to get. */
export interface IdentityToLink {
  readonly userId: string;
  readonly userKey: UserKey;
  readonly issuer: string;
  readonly subject: string;
  readonly profile: IdentityProfile;
  readonly now: Date;
}

/** `taken`: another user has it. `unchanged`: this user has it. `resumed`: it was suspended, and is proven anew. */
export type LinkOutcome =
  | { readonly kind: 'linked' | 'resumed' | 'unchanged'; readonly id: string }
  | { readonly kind: 'taken' };

/** Links an identity under the user's lock. The unique constraint decides between concurrent links. */
export async function linkIdentity(
  tx: Queries,
  makeId: MakeId,
  { userId, userKey, issuer, subject, profile, now }: IdentityToLink,
): Promise<LinkOutcome> {
  const id = makeId();
  const { email, name } = profile;
  const sealedProfile = userKey.seal(JSON.stringify({ email, name }), profileCell(id));
  const row = await tx.row(insert, { id, userId, issuer, subject, sealedProfile, now });
  if (row !== undefined) return { kind: 'linked', id };
  const existing = await findIdentity(tx, { issuer, subject });
  if (existing?.userId !== userId) return { kind: 'taken' };
  const isResumed = await resumeIdentity(tx, existing.id, userId);
  return { kind: isResumed ? 'resumed' : 'unchanged', id: existing.id };
}

/** Ends the suspension of an identity of this user. Returns false when there is none. */
export async function resumeIdentity(tx: Queries, id: string, userId: string): Promise<boolean> {
  return (await tx.row(resume, { id, userId })) !== undefined;
}

/** The single-use part of an identity's proof: the login that its provider completed, or the nonce of a native ID token. */
export type IdentityUse =
  | { readonly kind: 'provider_login'; readonly id: string }
  | { readonly kind: 'id_token'; readonly nonceHash: Buffer; readonly expiresAt: Date };

/** An identity that a provider has just vouched for. */
export interface ConsumedIdentity {
  readonly identityId: string;
  readonly userId: string;
  readonly use: IdentityUse;
}

/** Spends the login or the token that vouched for an identity, in the transaction of its effect. False when it was spent. */
export async function spendIdentityUse(tx: Queries, single: IdentityUse): Promise<boolean> {
  if (single.kind === 'provider_login') return (await tx.row(finishLogin, { id: single.id })) !== undefined;
  return spendNonce(tx, 'id_token', { hash: single.nonceHash, expiresAt: single.expiresAt });
}

/**
 * Uses an identity as a proof, in the transaction of its effect (invariant 1). Returns false when the login or the token was
 * used before, when the identity is suspended or no longer this user's, or when its provider is disabled.
 */
export async function consumeIdentity(
  tx: Queries,
  { identityId, userId, use: single }: ConsumedIdentity,
  now: Date,
): Promise<boolean> {
  if (!(await spendIdentityUse(tx, single))) return false;
  return (await tx.row(use, { id: identityId, userId, now })) !== undefined;
}

/**
 * Suspends every identity, in a transaction that raises the epoch: an attacker may have linked one. Returns the ids of those that
 * were suspended now.
 */
export async function suspendIdentities(tx: Queries, userId: string, now: Date): Promise<readonly string[]> {
  return (await tx.rows(suspend, { userId, now })).map(({ id }) => id);
}

/** Unlinks an identity of this user, in a transaction that locked the user and raises the epoch. Returns its issuer. */
export async function unlinkIdentity(tx: Queries, id: string, userId: string): Promise<string | undefined> {
  return (await tx.row(deleteOne, { id, userId }))?.issuer;
}

/** Unlinks the identities that were linked after `since`, in a transaction that raises the epoch. Returns their number. */
export function deleteIdentitiesSince(tx: Queries, userId: string, since: Date): Promise<number> {
  return tx.run(deleteSince, { userId, since });
}
