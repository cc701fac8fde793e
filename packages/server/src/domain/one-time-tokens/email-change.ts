/**
 * Changes of address that wait for their links to be pressed. Owns no table: a change is what its links carry, the new
 * address sealed under the user's key in the row of the one-time token.
 * Invariants: an address that nobody has proven is claimed by nothing, so that asking for one keeps nobody from it; a
 * user has at most one change that waits; it has a link at the new address and, where both addresses have to confirm,
 * one at the old address, and these two name each other; it dies with a link of its own, by expiry, cancelling, another
 * request, or the user's epoch; erasing the user makes the address unreadable.
 */
import { z } from 'zod';
import { type Queries, statement } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import type { OneTimeToken } from './consume.ts';
import { tokenAssociatedData } from './issue.ts';

/** Where a confirmation can be missing. */
export const changeSides = ['old_address', 'new_address'] as const;

/** The address at which a link is pressed. */
export type ChangeSide = (typeof changeSides)[number];

// A release that does not know `otherLink` refuses the link, since one alone must not be enough.
const newAddress = z.strictObject({ asTyped: z.string(), canonical: z.string(), otherLink: z.uuid().optional() });

/** The address that the links of a change prove; `otherLink` is the id of the one that has to be pressed as well. */
export type NewAddress = Readonly<z.output<typeof newAddress>>;

/** The payload of a confirming link. */
export function sealNewAddress(
  userKey: UserKey,
  tokenId: string,
  { asTyped, canonical, otherLink }: NewAddress,
): Buffer {
  return userKey.seal(JSON.stringify({ asTyped, canonical, otherLink }), tokenAssociatedData(tokenId));
}

export function openNewAddress(userKey: UserKey, tokenId: string, sealed: Uint8Array): NewAddress {
  return newAddress.parse(JSON.parse(userKey.open(sealed, tokenAssociatedData(tokenId)).toString('utf8')));
}

/** Only the link at the old address has an identifier: the new address is nobody's yet. */
export function sideOf({ identifierId }: Pick<OneTimeToken, 'identifierId'>): ChangeSide {
  return identifierId === null ? 'new_address' : 'old_address';
}

const findPending = statement('email_changes.find_pending', {
  lane: 'read',
  sql: `select t.id as token_id, t.identifier_id, t.sealed_payload, t.expires_at
    from one_time_tokens t join users u on u.id = t.user_id
    where t.user_id = :userId and t.purpose = 'confirm_email_change' and t.consumed_at is null and t.expires_at > :now
      and t.auth_epoch = u.auth_epoch and t.sealed_payload is not null
    order by t.id desc limit 2`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: { tokenId: 'uuid', identifierId: 'uuid?', sealedPayload: 'bytea?', expiresAt: 'timestamptz' },
});

/** A change that waits. */
export interface PendingChange {
  readonly tokenId: string;
  readonly sealed: Buffer;
  readonly expiresAt: Date;
  /** Where its links were not pressed yet. */
  readonly waitingFor: readonly ChangeSide[];
}

/** The change that waits for its links, if there is one; `openNewAddress` reads it. */
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

const findOther = statement('email_changes.find_other_link', {
  lane: 'read',
  sql: `select outcome, expires_at from one_time_tokens
    where id = :id and user_id = :userId and purpose = 'confirm_email_change'`,
  params: { id: 'uuid', userId: 'uuid' },
  columns: { outcome: 'text?', expiresAt: 'timestamptz' },
});

/**
 * What became of the link that has to be pressed as well, of a link that is or until now was alive. Ask under the lock of
 * the user's row: of two links pressed at once the second must see the first.
 */
export async function stateOfOtherLink(
  queries: Queries,
  userId: string,
  { otherLink }: NewAddress,
  now: Date,
): Promise<'none' | 'waits' | 'pressed' | 'dead'> {
  if (otherLink === undefined) return 'none';
  const row = await queries.row(findOther, { id: otherLink, userId });
  if (row?.outcome === 'used') return 'pressed';
  return row?.outcome === null && row.expiresAt > now ? 'waits' : 'dead';
}
