/** Erases each account in one transaction, under the user lock that a cancellation of the deletion takes too. */

import { deleteAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { eraseInvitations } from '#domain/invitations/index.ts';
import { eraseMails } from '#domain/mail-ledger/index.ts';
import { eraseApplicantKeys } from '#domain/registrations/index.ts';
import { changeUser, UnchangedUser, type UserChange, unlessUnchanged } from '#domain/user-changes/index.ts';
import { eraseUser, listDueForErasure, revokeForErasure, type Users } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import { concernsAllRows } from '#kernel/batches.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database, JsonValue, Queries } from '#platform/database/index.ts';
import { enqueueJob } from '#platform/jobs/index.ts';
import type { KeyRing } from '#platform/keys/index.ts';

export interface EraseAccounts {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: KeyRing;
  readonly users: Users;
  readonly audit: AuditLog;
}

/** The kind of the job that deletes the attempt counters again. */
export const countersJobKind = 'erase.counters';

/**
 * A login that read the user before the erasure may count its attempt after it, in its own transaction. The
 * `statement_timeout` of that statement is one second, so that none is in flight one minute later.
 */
const countersDelaySeconds = 60;

/** More accounts in a run fail because of the database, not of the accounts. */
const maxErrors = 100;
const batchSize = 100;

/**
 * Erases the accounts with an ended grace period, one after another, until none is left or `signal` aborts. An account whose
 * erasure fails stops no other.
 *
 * @throws at the end the error of the account that failed, or AggregateError: the job runs again.
 */
export async function eraseDueAccounts(flow: EraseAccounts, signal?: AbortSignal): Promise<number> {
  const isAborted = () => signal?.aborted === true;
  const errors: unknown[] = [];
  let erased = 0;
  let count = batchSize;
  // Accounts that were erased, or are no longer due, are not listed again; failed ones are skipped.
  while (count === batchSize && errors.length < maxErrors && !isAborted()) {
    const due = await listDueForErasure(flow.database, flow.clock.now(), { limit: batchSize, skip: errors.length });
    count = due.length;
    for (const user of due) {
      if (isAborted()) break;
      try {
        if (await eraseAccount(flow, user)) erased += 1;
      } catch (error) {
        if (concernsAllRows(error)) throw error;
        errors.push(error);
      }
    }
  }
  if (errors.length > 0) throw failureOf(errors);
  return erased;
}

function failureOf(errors: readonly unknown[]): unknown {
  return errors.length === 1 ? errors[0] : new AggregateError(errors, `${errors.length} accounts could not be erased`);
}

/** Erases an account unless its deletion was canceled, or another node erased it, since it was listed. */
async function eraseAccount(
  flow: EraseAccounts,
  { id: userId, subject }: { readonly id: string; readonly subject: string },
): Promise<boolean> {
  const now = flow.clock.now();
  const erasure: UserChange<number | undefined> = {
    userId,
    now,
    apply: async (tx) => {
      const authEpoch = await revokeForErasure(tx, { userId, now });
      if (authEpoch !== undefined) await erase(flow, tx, { userId, subject, now });
      return authEpoch;
    },
    raise: async (_, authEpoch) => authEpoch,
    sessions: { kind: 'none' },
    event: () => ({ action: 'account.erased', actor: { kind: 'system' } }),
  };
  const erased = await unlessUnchanged(() =>
    flow.database.transaction((tx) => changeUser(flow, tx, undefined, erasure)),
  );
  return !(erased instanceof UnchangedUser);
}

async function erase(
  flow: EraseAccounts,
  tx: Queries,
  { userId, subject, now }: { readonly userId: string; readonly subject: string; readonly now: Date },
): Promise<void> {
  await eraseMails(tx, userId, now);
  await eraseInvitations(tx, userId);
  await eraseApplicantKeys(tx, flow.keys, userId);
  await deleteAttempts(tx, userId);
  const job = { id: flow.makeId(), kind: countersJobKind, payload: { userId }, now } as const;
  await enqueueJob(tx, { ...job, runAt: addSeconds(now, countersDelaySeconds) });
  await eraseUser(tx, flow.keys, { userId, subject, now });
}

/** Deletes attempts that were counted while the user was erased. */
export async function deleteCounters(flow: Pick<EraseAccounts, 'database'>, payload: JsonValue): Promise<void> {
  const { userId } = payload as { readonly userId?: unknown };
  assert(typeof userId === 'string', 'the payload names a user');
  await deleteAttempts(flow.database, userId);
}
