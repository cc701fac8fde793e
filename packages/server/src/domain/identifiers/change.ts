/**
 * Giving up one address for another, and taking it back. Every function here runs under the lock of the user's row.
 */
import { type Database, type Queries, statement } from '#platform/database/index.ts';

/** An address in both of its forms. */
export interface Address {
  readonly asTyped: string;
  readonly canonical: string;
}

const hold = statement('identifiers.hold_primary', {
  lane: 'pool',
  sql: `update identifiers set is_primary = false, held_until = :until
    where user_id = :userId and kind = 'email' and is_primary
    returning id, canonical`,
  params: { userId: 'uuid', until: 'timestamptz' },
  columns: { id: 'uuid', canonical: 'text' },
});

/** Takes the primary address out of use; nobody else can claim it until `until`. */
export async function holdPrimaryEmail(
  tx: Queries,
  userId: string,
  until: Date,
): Promise<{ readonly id: string; readonly canonical: string } | undefined> {
  return tx.row(hold, { userId, until });
}

// The user's own address of before comes back as their own; anybody else's row is left alone, and no row is answered.
const claim = statement('identifiers.claim_proven', {
  lane: 'pool',
  sql: `insert into identifiers (id, user_id, kind, as_typed, canonical, is_primary, verified_at, created_at)
    values (:id, :userId, 'email', :asTyped, :canonical, true, :now, :now)
    on conflict (kind, canonical) do update set as_typed = excluded.as_typed, is_primary = true, held_until = null
      where identifiers.user_id = excluded.user_id
    returning id`,
  params: { id: 'uuid', userId: 'uuid', asTyped: 'text', canonical: 'text', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

/** Makes a proven address the user's primary one, once the one before is held; false when somebody else has it. */
export async function claimProvenEmail(
  tx: Queries,
  claimed: { readonly id: string; readonly userId: string; readonly address: Address; readonly now: Date },
): Promise<boolean> {
  const { id, userId, address, now } = claimed;
  const { asTyped, canonical } = address;
  return (await tx.row(claim, { id, userId, asTyped, canonical, now })) !== undefined;
}

// An undo link that is older than the one pressed belongs to somebody who had the account before: it keeps its address.
const older = `from one_time_tokens t where t.identifier_id = i.id and t.purpose = 'undo_email_change'
  and t.consumed_at is null and t.expires_at > :now and t.id < :tokenId`;

const dropLater = statement('identifiers.drop_later', {
  lane: 'pool',
  sql: `delete from identifiers i
    where i.user_id = :userId and i.kind = 'email' and i.id <> :identifierId and not exists (select ${older})`,
  params: { userId: 'uuid', identifierId: 'uuid', tokenId: 'uuid', now: 'timestamptz' },
  columns: {},
});

const holdEarlier = statement('identifiers.hold_earlier', {
  lane: 'pool',
  sql: `update identifiers i set is_primary = false, held_until = (select max(t.expires_at) ${older})
    where i.user_id = :userId and i.kind = 'email' and i.id <> :identifierId`,
  params: { userId: 'uuid', identifierId: 'uuid', tokenId: 'uuid', now: 'timestamptz' },
  columns: {},
});

const restore = statement('identifiers.restore', {
  lane: 'pool',
  sql: `update identifiers set is_primary = true, held_until = null where id = :identifierId and user_id = :userId
    returning canonical`,
  params: { identifierId: 'uuid', userId: 'uuid' },
  columns: { canonical: 'text' },
});

/** Which address comes back, by which link. */
export interface Restoring {
  readonly userId: string;
  readonly identifierId: string;
  /** The undo link; its id says which addresses came later. */
  readonly tokenId: string;
  readonly now: Date;
}

/**
 * Makes a held address the primary one again and drops the addresses that came after it, with the links that would
 * bring them back. Answers the address, or undefined when it is not there any more.
 */
export async function restoreEmail(tx: Queries, restoring: Restoring): Promise<string | undefined> {
  const { userId, identifierId } = restoring;
  await tx.run(dropLater, { ...restoring });
  await tx.run(holdEarlier, { ...restoring });
  return (await tx.row(restore, { userId, identifierId }))?.canonical;
}

// Asked again outside, because an undo may have taken the address back while this statement waited for its row.
const deleteHeld = statement('identifiers.delete_held', {
  lane: 'pool',
  sql: `delete from identifiers where held_until <= :now and id in (
    select id from identifiers where held_until <= :now order by held_until limit 1000)`,
  params: { now: 'timestamptz' },
  columns: {},
});

/** Gives addresses free whose time to be taken back is over. A sweeping job calls it; answers how many went. */
export async function deleteHeldIdentifiers(database: Database, now: Date): Promise<number> {
  return database.run(deleteHeld, { now });
}
