/** Deleting registrations that were never verified (invariant 18). */
import { deleteAttemptsFragment } from '#domain/attempts/index.ts';
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';

const keepSeconds = 7 * 24 * 60 * 60;

/** Counters refer to users by id without a foreign key, and would outlive them. */
const deletedAttempts = deleteAttemptsFragment('gone');

// The subquery reads the snapshot from before the statement. The condition on the user's own row is evaluated again
// when a verification, which always updates `updated_at`, has locked the row meanwhile.
const deleteAbandoned = statement('users.delete_abandoned', {
  lane: 'pool',
  sql: `with gone as (
      delete from users u where u.updated_at < :before and u.id in (
        select i.user_id from identifiers i
        where i.verified_at is null and i.created_at < :before
          and not exists (
            select from identifiers proven where proven.user_id = i.user_id and proven.verified_at is not null)
          and not exists (
            select from one_time_tokens t where t.user_id = i.user_id and t.consumed_at is null and t.expires_at > :now)
        order by i.created_at limit :limit offset :skip)
      returning u.id),
    ${deletedAttempts.sql}
    select id from gone`,
  params: { before: 'timestamptz', now: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: { id: 'uuid' },
});

/** Deletes users without a verified address or an active link, a week after their registration. Returns how many. */
export async function deleteAbandonedUsers(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return (await database.rows(deleteAbandoned, { before: addSeconds(now, -keepSeconds), now, ...batch })).length;
}

const deleteUnproven = statement('users.delete_unproven', {
  lane: 'pool',
  sql: `with gone as (
      delete from users u where u.id = :userId
        and not exists (select from identifiers i where i.user_id = u.id and i.verified_at is not null)
      returning u.id),
    ${deletedAttempts.sql}
    select id from gone`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid' },
});

/** Deletes a locked user without a verified address, which another user has verified; false when it is verified now. */
export async function deleteUnprovenUser(tx: Queries, userId: string): Promise<boolean> {
  return (await tx.row(deleteUnproven, { userId })) !== undefined;
}
