/** Erasing one account: everything in one transaction, under the lock that keeping takes too. */

import { deleteAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { eraseMails } from '#domain/mail-ledger/index.ts';
import { changeUser, UnchangedUser, type UserChange, unlessUnchanged } from '#domain/user-changes/index.ts';
import { eraseUser, listDueForErasure, revokeForErasure, type Users } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database, JsonValue, Queries } from '#platform/database/index.ts';
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
  await deleteAttempts(tx, userId);
  const again = { id: flow.makeId(), kind: forgetKind, payload: { userId }, now } as const;
  await enqueueJob(tx, { ...again, runAt: addSeconds(now, forgetAgainSeconds) });
  await eraseUser(tx, flow.keys, { userId, subject, now });
}

/** Forgets what was counted for an erased user while they were erased. */
export async function forgetCounters(flow: Pick<EraseAccounts, 'database'>, payload: JsonValue): Promise<void> {
  const { userId } = payload as { readonly userId?: unknown };
  assert(typeof userId === 'string', 'whose counters');
  await deleteAttempts(flow.database, userId);
}
