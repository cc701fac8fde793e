/** The rows of passkeys. */
import type { MakeId } from '#kernel/ids.ts';
import { type Queries, statement, type Values } from '#platform/database/index.ts';
import type { RegisteredCredential } from '#protocol/webauthn/index.ts';

/** The most passkeys that a user can have. */
export const maxPasskeys = 20;

const columns = {
  id: 'uuid',
  userId: 'uuid',
  rpId: 'text',
  credentialId: 'bytea',
  userHandle: 'bytea',
  backupEligible: 'bool',
  backedUp: 'bool',
  verifiesUser: 'bool',
  aaguid: 'uuid',
  transports: 'text[]',
  name: 'text',
  suspendedAt: 'timestamptz?',
  createdAt: 'timestamptz',
  lastUsedAt: 'timestamptz?',
} as const;

const fields = `id, user_id, rp_id, credential_id, user_handle, backup_eligible, backed_up, verifies_user, aaguid,
    transports, name, suspended_at, created_at, last_used_at`;

/** A passkey or security key of a user. */
export type Passkey = Values<typeof columns>;

const list = statement('passkeys.list', {
  lane: 'read',
  sql: `select ${fields} from passkeys where user_id = :userId order by created_at, id`,
  params: { userId: 'uuid' },
  columns,
});

const insert = statement('passkeys.insert', {
  lane: 'pool',
  sql: `insert into passkeys (id, user_id, rp_id, credential_id, user_handle, public_key, algorithm, sign_count,
      backup_eligible, backed_up, verifies_user, aaguid, transports, name, created_at)
    values (:id, :userId, :rpId, :credentialId, :userHandle, :publicKey, :algorithm, :signCount, :backupEligible, :backedUp,
      :verifiesUser, :aaguid, :transports, :name, :now)
    on conflict (credential_id) do nothing
    returning ${fields}`,
  params: {
    id: 'uuid',
    userId: 'uuid',
    rpId: 'text',
    credentialId: 'bytea',
    userHandle: 'bytea',
    publicKey: 'bytea',
    algorithm: 'int4',
    signCount: 'int8',
    backupEligible: 'bool',
    backedUp: 'bool',
    verifiesUser: 'bool',
    aaguid: 'uuid',
    transports: 'text[]',
    name: 'text',
    now: 'timestamptz',
  },
  columns,
});

const rename = statement('passkeys.rename', {
  lane: 'pool',
  sql: `update passkeys set name = coalesce(:name, name), suspended_at = case when :resume then null else suspended_at end
    where id = :id and user_id = :userId returning ${fields}`,
  params: { id: 'uuid', userId: 'uuid', name: 'text?', resume: 'bool' },
  columns,
});

const deleteOne = statement('passkeys.delete', {
  lane: 'pool',
  sql: 'delete from passkeys where id = :id and user_id = :userId returning id',
  params: { id: 'uuid', userId: 'uuid' },
  columns: { id: 'uuid' },
});

const deleteSince = statement('passkeys.delete_since', {
  lane: 'pool',
  sql: 'delete from passkeys where user_id = :userId and created_at > :since',
  params: { userId: 'uuid', since: 'timestamptz' },
  columns: {},
});

const suspend = statement('passkeys.suspend', {
  lane: 'pool',
  sql: 'update passkeys set suspended_at = :now where user_id = :userId and suspended_at is null',
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

const findOtherRpId = statement('passkeys.find_other_rp_id', {
  lane: 'pool',
  sql: `select rp_id from passkeys where rp_id < :rpId
    union all select rp_id from passkeys where rp_id > :rpId limit 1`,
  params: { rpId: 'text' },
  columns: { rpId: 'text?' },
});

/** The passkeys of a user, oldest first; at most twenty. */
export function listPasskeys(queries: Queries, userId: string): Promise<Passkey[]> {
  return queries.rows(list, { userId });
}

/** A verified registration, and its place in this deployment. */
export interface PasskeyToStore {
  readonly userId: string;
  readonly rpId: string;
  readonly userHandle: Buffer;
  readonly name: string;
  readonly credential: RegisteredCredential;
}

/**
 * Stores a passkey under the user's lock. The caller compares the number of the user's passkeys with `maxPasskeys` first.
 * Returns undefined when the credential is registered already.
 */
export function addPasskey(
  tx: Queries,
  makeId: MakeId,
  { userId, rpId, userHandle, name, credential }: PasskeyToStore,
  now: Date,
): Promise<Passkey | undefined> {
  const { credentialId, publicKey, algorithm, signCount, backupEligible, backedUp, aaguid, transports } = credential;
  const key = { credentialId, publicKey, algorithm, signCount, backupEligible, backedUp, aaguid };
  const verifiesUser = credential.userVerified;
  return tx.row(insert, {
    id: makeId(),
    userId,
    rpId,
    userHandle,
    name,
    ...key,
    verifiesUser,
    transports: [...transports],
    now,
  });
}

/** Changes the name of a passkey of this user, or lets it be a first factor again. Undefined when there is none. */
export function changePasskey(
  tx: Queries,
  { id, userId }: { readonly id: string; readonly userId: string },
  { name, resume }: { readonly name: string | undefined; readonly resume: boolean },
): Promise<Passkey | undefined> {
  return tx.row(rename, { id, userId, name: name ?? null, resume });
}

/** Deletes a passkey of this user, in a transaction that raises the epoch. Returns false when there is none. */
export async function deletePasskey(tx: Queries, id: string, userId: string): Promise<boolean> {
  return (await tx.row(deleteOne, { id, userId })) !== undefined;
}

/** Deletes the passkeys that were added after `since`, or all. Returns whether there was one. */
export async function deletePasskeys(tx: Queries, userId: string, since: Date = new Date(0)): Promise<boolean> {
  return (await tx.run(deleteSince, { userId, since })) > 0;
}

/**
 * Suspends every passkey as a first factor, in a transaction that raises the epoch. As second factors they stay, else
 * access to the mailbox would be enough to get past them. Returns how many were suspended.
 */
export function suspendPasskeys(tx: Queries, userId: string, now: Date): Promise<number> {
  return tx.run(suspend, { userId, now });
}

/** An RP ID of a stored passkey that is not this one; undefined when there is none. For `latchkey doctor`. */
export async function otherRpId(queries: Queries, rpId: string): Promise<string | undefined> {
  return (await queries.row(findOtherRpId, { rpId }))?.rpId ?? undefined;
}
