/**
 * The end of an account: scheduling its deletion, canceling that within the grace period, and erasing it afterwards.
 */
import type { Batch } from '#kernel/batches.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { raisingEpoch } from './raising-epoch.ts';

const close = statement(
  'users.schedule_deletion',
  raisingEpoch({
    set: `status = 'pending_deletion', deletes_at = :deletesAt`,
    when: `status = 'active'`,
    params: { deletesAt: 'timestamptz' },
  }),
);

// The grace period ends at its last instant: from `deletes_at` on, the account can be erased and not restored.
const keep = statement(
  'users.cancel_deletion',
  raisingEpoch({
    set: `status = 'active', deletes_at = null`,
    when: `status = 'pending_deletion' and deletes_at > :endedAt`,
    params: {},
  }),
);

const listDue = statement('users.list_due_for_erasure', {
  lane: 'pool',
  sql: `select id, subject from users where status = 'pending_deletion' and deletes_at <= :now
    order by deletes_at, id limit :limit offset :skip`,
  params: { now: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: { id: 'uuid', subject: 'text' },
});

// Checked again under the lock: the deletion may have been canceled since the account was listed.
const announce = statement(
  'users.revoke_for_erasure',
  raisingEpoch({
    when: `status = 'pending_deletion' and deletes_at <= :endedAt`,
    params: {},
  }),
);

const erase = statement('users.erase', {
  lane: 'pool',
  sql: `with erased as (delete from users where id = :userId returning id),
    remembered as (
      insert into erased_subjects (key_id, subject_hmac, erased_at)
      select :keyId, :subjectHmac, :now from erased on conflict do nothing)
    select id from erased`,
  params: { userId: 'uuid', keyId: 'uuid', subjectHmac: 'bytea', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

interface Change {
  readonly userId: string;
  readonly now: Date;
}

/** Starts the grace period and raises the epoch; undefined unless the account is active. */
export async function scheduleDeletion(
  tx: Queries,
  change: Change & { readonly deletesAt: Date },
): Promise<number | undefined> {
  const { userId, deletesAt, now: endedAt } = change;
  return (await tx.row(close, { userId, deletesAt, endedAt }))?.authEpoch;
}

/** Ends the grace period and raises the epoch; undefined unless the account is in it. */
export async function cancelDeletionOfUser(tx: Queries, { userId, now }: Change): Promise<number | undefined> {
  return (await tx.row(keep, { userId, endedAt: now }))?.authEpoch;
}

/** Accounts whose grace period has ended, the longest first. */
export async function listDueForErasure(
  queries: Queries,
  now: Date,
  batch: Batch,
): Promise<readonly { readonly id: string; readonly subject: string }[]> {
  return queries.rows(listDue, { now, ...batch });
}

/**
 * Raises the epoch of an account whose grace period has ended, so that every node forgets it. The first step of an
 * erasure, under `Users.lock`. Undefined when the deletion was canceled or the account is erased.
 */
export async function revokeForErasure(tx: Queries, { userId, now }: Change): Promise<number | undefined> {
  return (await tx.row(announce, { userId, endedAt: now }))?.authEpoch;
}

/**
 * Deletes the user with all dependent rows, the key included. The last step of an erasure, after `revokeForErasure`. An
 * HMAC of the subject stays: our subjects are never reused, and an import that brings subjects must reject it.
 */
export async function eraseUser(
  tx: Queries,
  keys: Pick<Keys, 'mac' | 'currentKeyId'>,
  { userId, subject, now }: { readonly userId: string; readonly subject: string; readonly now: Date },
): Promise<void> {
  const keyId = keys.currentKeyId('lookup');
  await tx.row(erase, { userId, keyId, subjectHmac: keys.mac('lookup', subjectMessage(subject), keyId), now });
}

/** A prefix separates subjects from the addresses that the same key authenticates. */
function subjectMessage(subject: string): string {
  return `subject:${subject}`;
}
