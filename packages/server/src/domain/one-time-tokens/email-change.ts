/**
 * Pending changes of a user's email address. A change has no row of its own: the new address is the payload of its
 * confirmation links, encrypted under the user's key.
 * - A pending change does not claim the new address, so requesting one cannot block another user's registration.
 * - A user has at most one pending change. It has a link at the new address and, where both addresses must confirm, a
 *   second one at the old address; each payload contains the id of the other link.
 * - The change ends with either link: by expiry, cancellation, another request or a higher epoch of the user.
 * - Erasing the user makes the new address unreadable.
 */
import { z } from 'zod';
import { type Queries, statement } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import type { OneTimeToken } from './consume.ts';
import { tokenAssociatedData } from './issue.ts';

/** The addresses that can have to confirm a change. */
export const changeSides = ['old_address', 'new_address'] as const;

/** The address that a confirmation link was sent to. */
export type ChangeSide = (typeof changeSides)[number];

// Strict: a release that does not know `otherLink` must reject the link, because one confirmation is then not enough.
const newAddress = z.strictObject({ asTyped: z.string(), canonical: z.string(), otherLink: z.uuid().optional() });

/** The new address of a change; `otherLink` is the id of the link that must be confirmed as well. */
export type NewAddress = Readonly<z.output<typeof newAddress>>;

/** Encrypts the payload of a confirmation link. */
export function sealNewAddress(
  userKey: UserKey,
  tokenId: string,
  { asTyped, canonical, otherLink }: NewAddress,
): Buffer {
  return userKey.seal(JSON.stringify({ asTyped, canonical, otherLink }), tokenAssociatedData(tokenId));
}

/** Decrypts the payload of a confirmation link; throws when it was encrypted for another row. */
export function openNewAddress(userKey: UserKey, tokenId: string, sealed: Uint8Array): NewAddress {
  return newAddress.parse(JSON.parse(userKey.open(sealed, tokenAssociatedData(tokenId)).toString('utf8')));
}

/** Only the link at the old address has an identifier: the new address is not stored as one before it is confirmed. */
export function sideOf({ identifierId }: Pick<OneTimeToken, 'identifierId'>): ChangeSide {
  return identifierId === null ? 'new_address' : 'old_address';
}

const findPending = statement('one_time_tokens.find_email_change', {
  lane: 'read',
  sql: `select t.id as token_id, t.identifier_id, t.sealed_payload, t.expires_at
    from one_time_tokens t join users u on u.id = t.user_id
    where t.user_id = :userId and t.purpose = 'confirm_email_change' and t.consumed_at is null and t.expires_at > :now
      and t.auth_epoch = u.auth_epoch and t.sealed_payload is not null
    order by t.id desc limit 2`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: { tokenId: 'uuid', identifierId: 'uuid?', sealedPayload: 'bytea?', expiresAt: 'timestamptz' },
});

/** A change that is not confirmed yet; `openNewAddress` decrypts `sealed`. */
export interface PendingChange {
  readonly tokenId: string;
  readonly sealed: Buffer;
  readonly expiresAt: Date;
  /** The addresses that have not confirmed yet. */
  readonly waitingFor: readonly ChangeSide[];
}

/** Returns the user's pending change, if there is one. */
export async function findPendingChange(
  queries: Queries,
  userId: string,
  now: Date,
): Promise<PendingChange | undefined> {
  const rows = await queries.rows(findPending, { userId, now });
  const [row] = rows;
  if (row === undefined || row.sealedPayload === null) return undefined;
  const sides = rows.map(sideOf);
  const waitingFor = changeSides.filter((side) => sides.includes(side));
  return { tokenId: row.tokenId, sealed: row.sealedPayload, expiresAt: row.expiresAt, waitingFor };
}

const findOther = statement('one_time_tokens.find_other_link', {
  lane: 'read',
  sql: `select outcome, expires_at from one_time_tokens
    where id = :id and user_id = :userId and purpose = 'confirm_email_change'`,
  params: { id: 'uuid', userId: 'uuid' },
  columns: { outcome: 'text?', expiresAt: 'timestamptz' },
});

/**
 * Returns the state of the second link of a change; `none` when one confirmation is enough.
 * Call it under the lock of the user's row, so that of two concurrent confirmations the second sees the first.
 */
export async function otherLinkState(
  queries: Queries,
  userId: string,
  { otherLink }: NewAddress,
  now: Date,
): Promise<'none' | 'pending' | 'confirmed' | 'inactive'> {
  if (otherLink === undefined) return 'none';
  const row = await queries.row(findOther, { id: otherLink, userId });
  if (row?.outcome === 'used') return 'confirmed';
  return row?.outcome === null && row.expiresAt > now ? 'pending' : 'inactive';
}
