/**
 * The mail that reports failed logins to the user. It is sent once, when the delays between attempts begin, and again only
 * after a login has reset the counter.
 */
import { findCandidate } from '#domain/authentication/index.ts';
import { enqueueMail, isQueued, type MailLedger } from '#domain/mail-ledger/index.ts';
import type { Users } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import { enqueueJob, type JobHandler } from '#platform/jobs/index.ts';
import type { Keys } from '#platform/keys/index.ts';

/** Dependencies of the job. */
export interface FailedLoginNotice {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly users: Users;
  readonly mail: MailLedger;
}

const kind = 'login.failed_login_notice';

/** Enqueues the job, for an address without a user as well, so that both take the same time (invariant 13). */
export async function enqueueNotice(
  tx: Queries,
  { makeId, clock }: { readonly makeId: MakeId; readonly clock: Clock },
  userId: string | undefined,
): Promise<void> {
  await enqueueJob(tx, { id: makeId(), kind, payload: { userId: userId ?? null }, now: clock.now() });
}

/**
 * Enqueues the mail to a user with a verified email who is not disabled. The mail has the job's id, so that a retry of the
 * job enqueues nothing more.
 */
export function failedLoginNoticeHandler(flow: FailedLoginNotice): JobHandler {
  return {
    kind,
    maxAttempts: 5,
    leaseSeconds: 30,
    handle: async ({ id, payload }) => {
      assert(typeof payload === 'object' && payload !== null && 'userId' in payload, 'the payload has a user');
      const { userId } = payload;
      if (typeof userId === 'string') await flow.database.transaction((tx) => enqueueOnce(flow, tx, id, userId));
      return { kind: 'done' };
    },
  };
}

async function enqueueOnce(flow: FailedLoginNotice, tx: Queries, jobId: string, userId: string): Promise<void> {
  const now = flow.clock.now();
  await flow.users.lock(tx, userId);
  if (await isQueued(tx, jobId)) return;
  const user = await findCandidate(tx, { userId, now });
  if (user === undefined || !user.emailVerified || user.status === 'disabled') return;
  const { identifierId, locale, wrapped } = user;
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const mail = { template: 'failed_logins', params: {}, tokenId: null } as const;
  await enqueueMail(tx, flow.mail.values({ ...mail, identifierId, locale, userId, userKey, now }, jobId));
}
