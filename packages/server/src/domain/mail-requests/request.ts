/** Asking: one statement, the same whoever has the address, because nobody looks yet who that is. */
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database } from '#platform/database/index.ts';
import { enqueueJob } from '#platform/jobs/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { type MailRequest, sealMailRequest } from './payload.ts';

/** The kind of the job that looks who has the address. */
export const mailRequestKind = 'mail_requests.enqueue';

/** What asking needs. */
export interface RequestMail {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
}

/**
 * Takes down what is asked for; a job promises the mail if the address has an account that lives.
 * A link has rows and a mail that nobody's address can have, so whatever looked before it answered would take longer for
 * somebody than for nobody, by half a millisecond of the two that it takes (invariant 13).
 */
export async function requestMail(deps: RequestMail, asked: MailRequest): Promise<void> {
  const id = deps.makeId();
  const payload = sealMailRequest(deps.keys, id, asked);
  await enqueueJob(deps.database, { id, kind: mailRequestKind, payload, now: deps.clock.now() });
}
