/** The fields of a profile that users change, and the metadata that operators store. */
import { revocationsFragment } from '#domain/revocations/index.ts';
import type { JsonObject } from '#kernel/json.ts';
import { type Queries, statement } from '#platform/database/index.ts';

/** The fields that users change themselves. */
export interface ProfileFields {
  readonly name: string;
  readonly locale: string;
}

/** Metadata of a user. Operators write it; Latchkey does not interpret it. */
export interface Metadata {
  /** Visible to the user and to every application. */
  readonly public: JsonObject;
  /** Visible to operators only. */
  readonly private: JsonObject;
}

/** The maximum length in PostgreSQL's format; `users_public_metadata_bounded` is the same limit. */
export const maxMetadataBytes = 8192;

const readFields = statement('users.read_profile_fields', {
  lane: 'pool',
  sql: `select name, locale from users where id = :userId`,
  params: { userId: 'uuid' },
  columns: { name: 'text', locale: 'text' },
});

const announced = revocationsFragment('profile', 'changed');

const writeFields = statement('users.write_profile_fields', {
  lane: 'pool',
  sql: `with changed as (
      update users set name = :name, locale = :locale, updated_at = :endedAt where id = :userId returning id as user_id),
    ${announced.sql}
    select user_id from changed`,
  params: { userId: 'uuid', name: 'text', locale: 'text', ...announced.params },
  columns: { userId: 'uuid' },
  after: { revokes: { kind: 'profile', target: 'userId' } },
});

const readMetadata = statement('users.read_metadata', {
  lane: 'read',
  sql: `select public_metadata, private_metadata from users where id = :userId`,
  params: { userId: 'uuid' },
  columns: { publicMetadata: 'jsonb', privateMetadata: 'jsonb' },
});

// Measured in the stored format, which is longer than the input: with a space after each colon, and numbers in full.
const writeMetadata = statement('users.write_metadata', {
  lane: 'pool',
  sql: `update users set public_metadata = coalesce(:publicMetadata::jsonb, public_metadata),
      private_metadata = coalesce(:privateMetadata::jsonb, private_metadata), updated_at = :now
    where id = :userId and octet_length(coalesce(:publicMetadata::jsonb, '{}')::text) <= ${maxMetadataBytes}
      and octet_length(coalesce(:privateMetadata::jsonb, '{}')::text) <= ${maxMetadataBytes}`,
  params: { userId: 'uuid', publicMetadata: 'jsonb?', privateMetadata: 'jsonb?', now: 'timestamptz' },
  columns: {},
});

/**
 * Changes the given fields, in a transaction that holds the user's lock. Returns the fields whose values differ from
 * the stored ones.
 */
export async function changeProfile(
  tx: Queries,
  userId: string,
  wanted: Partial<ProfileFields>,
  now: Date,
): Promise<Partial<ProfileFields>> {
  const stored = await tx.row(readFields, { userId });
  if (stored === undefined) return {};
  const changed = {
    ...(wanted.name === undefined || wanted.name === stored.name ? {} : { name: wanted.name }),
    ...(wanted.locale === undefined || wanted.locale === stored.locale ? {} : { locale: wanted.locale }),
  };
  if (Object.keys(changed).length > 0) await tx.row(writeFields, { userId, ...stored, ...changed, endedAt: now });
  return changed;
}

/** Both kinds of metadata; undefined when there is no such user. */
export async function findMetadata(queries: Queries, userId: string): Promise<Metadata | undefined> {
  const row = await queries.row(readMetadata, { userId });
  if (row === undefined) return undefined;
  return { public: row.publicMetadata as JsonObject, private: row.privateMetadata as JsonObject };
}

/**
 * Replaces the given metadata, in a transaction that holds the user's lock. Writes nothing and returns false when one
 * is longer than `maxMetadataBytes`.
 */
export async function replaceMetadata(
  tx: Queries,
  userId: string,
  metadata: Partial<Metadata>,
  now: Date,
): Promise<boolean> {
  const { public: publicMetadata = null, private: privateMetadata = null } = metadata;
  return (await tx.run(writeMetadata, { userId, publicMetadata, privateMetadata, now })) === 1;
}
