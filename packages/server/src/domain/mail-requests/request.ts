import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database } from '#platform/database/index.ts';
import { enqueueJob } from '#platform/jobs/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { type MailRequest, sealMailRequest } from './payload.ts';

/** The kind of the job that reads whether a user has the address. */
export const mailRequestKind = 'mail_requests.enqueue';

/** Dependencies of a request. */
export interface RequestMail {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
}

/**
 * Records the request as a job, by one statement that is the same for every address.
 * A link needs rows and a mail that only a user's address can have. If the request wrote them, it would take half a
 * millisecond of its two longer for a user's address (invariant 13).
 */
export async function requestMail(deps: RequestMail, request: MailRequest): Promise<void> {
  const id = deps.makeId();
  const payload = sealMailRequest(deps.keys, id, request);
  await enqueueJob(deps.database, { id, kind: mailRequestKind, payload, now: deps.clock.now() });
}
