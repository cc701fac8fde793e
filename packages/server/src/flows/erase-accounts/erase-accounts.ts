/** Erasing one account: everything in one transaction, under the lock that keeping takes too. */

import { deleteAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { eraseMails } from '#domain/mail-ledger/index.ts';
import { eraseUser, listDueForErasure, revokeForErasure, type Users } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database, JsonValue } from '#platform/database/index.ts';
import { enqueueJob } from '#platform/jobs/index.ts';
import type { KeyRing } from '#platform/keys/index.ts';

/** What erasing needs. */
export interface EraseAccounts {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: KeyRing;
  readonly users: Users;
  readonly audit: AuditLog;
}

/** The kind of job that looks for counters once more. */
export const forgetKind = 'erase.counters';

/**
 * A login that read the user just before the erasure counts its attempt in another transaction, perhaps just after it.
 * That statement's `statement_timeout` is a second, so a minute later none is under way.
 */
const forgetAgainSeconds = 60;

/** Erases every account whose grace is over, one after another, until there is none or `signal` aborts. */
export async function eraseDueAccounts(flow: EraseAccounts, signal?: AbortSignal): Promise<number> {
  let erased = 0;
  for (;;) {
    const due = await listDueForErasure(flow.database, flow.clock.now());
    if (due.length === 0) return erased;
    for (const user of due) {
      if (signal?.aborted === true) return erased;
      if (await eraseAccount(flow, user)) erased += 1;
    }
  }
}

/** Erases the account if its grace is over still; false when it was kept, or erased by another, meanwhile. */
async function eraseAccount(
  flow: EraseAccounts,
  { id: userId, subject }: { readonly id: string; readonly subject: string },
): Promise<boolean> {
  return flow.database.transaction(async (tx) => {
    const now = flow.clock.now();
    await flow.users.lock(tx, userId);
    const announced = await revokeForErasure(tx, { userId, now });
    if (announced === undefined) return false;
    await eraseMails(tx, userId, now);
    await deleteAttempts(tx, userId);
    const again = { id: flow.makeId(), kind: forgetKind, payload: { userId }, now } as const;
    await enqueueJob(tx, { ...again, runAt: addSeconds(now, forgetAgainSeconds) });
    await eraseUser(tx, flow.keys, { userId, subject, now });
    await flow.audit.record(tx, { action: 'account.erased', at: now, actor: { kind: 'system' }, userId });
    return true;
  });
}

/** Forgets what was counted for an erased user while they were erased. */
export async function forgetCounters(flow: Pick<EraseAccounts, 'database'>, payload: JsonValue): Promise<void> {
  const { userId } = payload as { readonly userId?: unknown };
  assert(typeof userId === 'string', 'whose counters');
  await deleteAttempts(flow.database, userId);
}
