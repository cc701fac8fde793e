import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';

/** Expired invitations are kept for a week. */
const retentionSeconds = 7 * 24 * 60 * 60;

const deleteExpired = statement('invitations.delete_expired', {
  lane: 'pool',
  sql: `delete from invitations where id in (
    select id from invitations where expires_at < :before order by expires_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Deletes invitations a week after their expiry. Returns the number of deleted rows. */
export async function deleteExpiredInvitations(
  database: Database,
  now: Date,
  batch: Batch = wholeBatch,
): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -retentionSeconds), ...batch });
}

const deleteOfUser = statement('invitations.delete_of_user', {
  lane: 'pool',
  sql: `delete from invitations
    where canonical = any(array(select canonical from identifiers where user_id = :userId))`,
  params: { userId: 'uuid' },
  columns: {},
});

/** Deletes the open invitations of a user's addresses, in the transaction that erases the user. */
export async function eraseInvitations(tx: Queries, userId: string): Promise<void> {
  await tx.run(deleteOfUser, { userId });
}
