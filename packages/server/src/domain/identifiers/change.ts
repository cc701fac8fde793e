/** Replacing a user's address, and undoing that. The callers of these functions hold the lock of the user's row. */
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';

/** An email address as typed and in canonical form. */
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

/** Holds the user's primary address: it cannot log in any more, and no other user can claim it before `until`. */
export async function holdPrimaryEmail(
  tx: Queries,
  userId: string,
  until: Date,
): Promise<{ readonly id: string; readonly canonical: string } | undefined> {
  return tx.row(hold, { userId, until });
}

// If the user holds the address, it becomes primary again. If another user has it, the statement returns no row.
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

/** Makes a proven address the user's primary one, after `holdPrimaryEmail`; false when another user has it. */
export async function claimProvenEmail(
  tx: Queries,
  claimed: { readonly id: string; readonly userId: string; readonly address: Address; readonly now: Date },
): Promise<boolean> {
  const { id, userId, address, now } = claimed;
  const { asTyped, canonical } = address;
  return (await tx.row(claim, { id, userId, asTyped, canonical, now })) !== undefined;
}

// SQL: an unused undo link of the identifier `i` that is older than the one being used. Such an identifier was replaced
// before the change being undone, so it stays held. Example: a user changes a to b (undo link 1), an attacker changes b to c
// (undo link 2). Link 2 restores b, deletes c and keeps a held; link 1 restores a and deletes b and c.
const older = `from one_time_tokens t where t.identifier_id = i.id and t.purpose = 'undo_email_change'
  and t.consumed_at is null and t.expires_at > :now and t.auth_epoch < :authEpoch`;

const deleteLater = statement('identifiers.delete_later', {
  lane: 'pool',
  sql: `delete from identifiers i
    where i.user_id = :userId and i.kind = 'email' and i.id <> :identifierId and not exists (select ${older})`,
  params: { userId: 'uuid', identifierId: 'uuid', authEpoch: 'int4', now: 'timestamptz' },
  columns: {},
});

const holdEarlier = statement('identifiers.hold_earlier', {
  lane: 'pool',
  sql: `update identifiers i set is_primary = false, held_until = (select max(t.expires_at) ${older})
    where i.user_id = :userId and i.kind = 'email' and i.id <> :identifierId`,
  params: { userId: 'uuid', identifierId: 'uuid', authEpoch: 'int4', now: 'timestamptz' },
  columns: {},
});

const restore = statement('identifiers.restore', {
  lane: 'pool',
  sql: `update identifiers set is_primary = true, held_until = null where id = :identifierId and user_id = :userId
    returning canonical`,
  params: { identifierId: 'uuid', userId: 'uuid' },
  columns: { canonical: 'text' },
});

/** The held address to restore and the undo link that restores it. */
export interface EmailRestoration {
  readonly userId: string;
  readonly identifierId: string;
  /** The epoch of the undo link. Each change raises it, so it separates earlier changes from later ones (invariant 19). */
  readonly authEpoch: number;
  readonly now: Date;
}

/**
 * Makes a held address the primary one again. Deletes the addresses that replaced it, and with them the links that would
 * restore those. Returns the canonical address, or undefined when the held address no longer exists.
 */
export async function restoreEmail(tx: Queries, restoration: EmailRestoration): Promise<string | undefined> {
  const { userId, identifierId } = restoration;
  await tx.run(deleteLater, { ...restoration });
  await tx.run(holdEarlier, { ...restoration });
  return (await tx.row(restore, { userId, identifierId }))?.canonical;
}

// The outer condition is repeated, because an undo may restore the address while this statement waits for its row lock.
const deleteHeld = statement('identifiers.delete_held', {
  lane: 'pool',
  sql: `delete from identifiers where held_until <= :now and id in (
    select id from identifiers where held_until <= :now order by held_until limit :limit offset :skip)`,
  params: { now: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Deletes held addresses whose undo link has expired. Returns the number of deleted rows. */
export async function deleteHeldIdentifiers(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteHeld, { now, ...batch });
}
