/**
 * Changes of address that wait for their link to be pressed. Owns no table: a change is what its link carries, the new
 * address sealed under the user's key in the row of the one-time token.
 * Invariants: an address that nobody has proven is claimed by nothing, so that asking for one keeps nobody from it; a
 * user has at most one change that waits; it dies with its link, by use, expiry, cancelling, another request, or the
 * user's epoch; erasing the user makes the address unreadable.
 */
import { z } from 'zod';
import { tokenPlace } from '#domain/one-time-tokens/index.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';

const newAddress = z.strictObject({ asTyped: z.string(), canonical: z.string() });

/** The address that a link proves. */
export type NewAddress = Readonly<z.output<typeof newAddress>>;

/** The payload of a confirming link. */
export function sealNewAddress(userKey: UserKey, tokenId: string, { asTyped, canonical }: NewAddress): Buffer {
  return userKey.seal(JSON.stringify({ asTyped, canonical }), tokenPlace(tokenId));
}

export function openNewAddress(userKey: UserKey, tokenId: string, sealed: Uint8Array): NewAddress {
  return newAddress.parse(JSON.parse(userKey.open(sealed, tokenPlace(tokenId)).toString('utf8')));
}

const findPending = statement('email_changes.find_pending', {
  lane: 'read',
  sql: `select t.id as token_id, t.sealed_payload, t.expires_at from one_time_tokens t join users u on u.id = t.user_id
    where t.user_id = :userId and t.purpose = 'confirm_email_change' and t.consumed_at is null and t.expires_at > :now
      and t.auth_epoch = u.auth_epoch and t.sealed_payload is not null
    order by t.id desc limit 1`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: { tokenId: 'uuid', sealedPayload: 'bytea?', expiresAt: 'timestamptz' },
});

/** A change that waits. */
export interface PendingChange {
  readonly tokenId: string;
  readonly sealed: Buffer;
  readonly expiresAt: Date;
}

/** The change that waits for its link, if there is one; `openNewAddress` reads it. */
export async function findPendingChange(
  queries: Queries,
  userId: string,
  now: Date,
): Promise<PendingChange | undefined> {
  const row = await queries.row(findPending, { userId, now });
  if (row === undefined || row.sealedPayload === null) return undefined;
  return { tokenId: row.tokenId, sealed: row.sealedPayload, expiresAt: row.expiresAt };
}
