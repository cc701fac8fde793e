import type { DeviceTokens } from '#domain/devices/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database } from '#platform/database/index.ts';
import { enqueueJob } from '#platform/jobs/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { type MailRequest, sealMailRequest } from './payload.ts';

/** The kind of the job that reads whether a user has the address. */
export const mailRequestKind = 'mail_requests.enqueue';

/** The kind of a request with a return address, which a worker of the previous release would reject: it leaves it to this one. */
export const returningMailRequestKind = 'mail_requests.enqueue_with_return';

/** Dependencies of a request. */
export interface RequestMail {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly devices: DeviceTokens;
}

/**
 * Records the request as a job, by one statement that is the same for every address.
 * A link needs rows and a mail that only a user's address can have. If the request wrote them, it would take half a
 * millisecond of its two longer for a user's address (invariant 13).
 * @param deviceToken of the requester: a device that the user has logged in on has quotas of its own.
 */
export async function requestMail(deps: RequestMail, request: MailRequest, deviceToken?: string): Promise<void> {
  const id = deps.makeId();
  const payload = sealMailRequest(deps.keys, id, { ...request, deviceId: deps.devices.read(deviceToken) });
  const isReturning = 'continueTo' in request && request.continueTo !== undefined;
  const kind = isReturning ? returningMailRequestKind : mailRequestKind;
  await enqueueJob(deps.database, { id, kind, payload, now: deps.clock.now() });
}
