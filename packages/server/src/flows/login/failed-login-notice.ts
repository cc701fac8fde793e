/** One notice to who is being guessed at, when the waiting begins; a further one only after somebody has logged in. */
import { findCandidate } from '#domain/authentication/index.ts';
import { enqueueMail, isQueued, type MailLedger } from '#domain/mail-ledger/index.ts';
import type { Users } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import { enqueueJob, type JobHandler } from '#platform/jobs/index.ts';
import type { Keys } from '#platform/keys/index.ts';

/** What telling needs. */
export interface FailedLoginNotice {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly users: Users;
  readonly mail: MailLedger;
}

const kind = 'login.failed_login_notice';

/** Asks for the notice; for an address without a user as well, so that the answer takes as long (invariant 13). */
export async function enqueueNotice(
  tx: Queries,
  { makeId, clock }: { readonly makeId: MakeId; readonly clock: Clock },
  userId: string | undefined,
): Promise<void> {
  await enqueueJob(tx, { id: makeId(), kind, payload: { userId: userId ?? null }, now: clock.now() });
}

/** Promises the notice to whoever has a proven address and may log in; it bears the job's id, so that it is promised once. */
export function failedLoginNoticeHandler(flow: FailedLoginNotice): JobHandler {
  return {
    kind,
    maxAttempts: 5,
    leaseSeconds: 30,
    handle: async ({ id, payload }) => {
      assert(typeof payload === 'object' && payload !== null && 'userId' in payload, 'the notice names no user');
      const { userId } = payload;
      if (typeof userId === 'string') await flow.database.transaction((tx) => promise(flow, tx, id, userId));
      return { kind: 'done' };
    },
  };
}

async function promise(flow: FailedLoginNotice, tx: Queries, jobId: string, userId: string): Promise<void> {
  const now = flow.clock.now();
  await flow.users.lock(tx, userId);
  if (await isQueued(tx, jobId)) return;
  const person = await findCandidate(tx, { userId, deviceId: undefined, now });
  if (person === undefined || !person.emailVerified || person.status === 'disabled') return;
  const { identifierId, locale, wrapped } = person;
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const mail = { template: 'failed_logins', params: {}, tokenId: null } as const;
  await enqueueMail(tx, flow.mail.values({ ...mail, identifierId, locale, userId, userKey, now }, jobId));
}
