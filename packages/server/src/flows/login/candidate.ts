/** Whose login this would be, as the reserving statement read it. */

import type { UserStatus } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Values } from '#platform/database/index.ts';
import type { reserveAttempt } from './statements.ts';

/** The user behind the address. */
export interface Candidate {
  readonly userId: string;
  readonly subject: string;
  readonly status: UserStatus;
  readonly authEpoch: number;
  readonly locale: string;
  readonly identifierId: string;
  readonly emailVerified: boolean;
  readonly sealedPhc: Buffer | undefined;
  readonly mustChange: boolean;
  readonly wrapped: Buffer;
  /** The known device that this login comes from. */
  readonly deviceId: string | undefined;
  readonly hasDevices: boolean;
  /** When the grace period of a closing account is over. */
  readonly closesAt: Date | undefined;
}

/** Undefined when nobody has the address. */
export function toCandidate(row: Values<typeof reserveAttempt.columns> | undefined): Candidate | undefined {
  assert(row !== undefined, 'reserving an attempt always answers a row');
  const { userId, subject, status, authEpoch, locale, identifierId, wrapped } = row;
  if (userId === null) return undefined;
  assert(subject !== null && status !== null && authEpoch !== null, 'a user has these');
  assert(locale !== null && identifierId !== null && wrapped !== null, 'a user has these');
  return {
    userId,
    subject,
    status: status as UserStatus,
    authEpoch,
    locale,
    identifierId,
    wrapped,
    emailVerified: row.verifiedAt !== null,
    sealedPhc: row.sealedPhc ?? undefined,
    mustChange: row.mustChange === true,
    deviceId: row.deviceId ?? undefined,
    hasDevices: row.hasDevices === true,
    closesAt: row.closesAt ?? undefined,
  };
}
