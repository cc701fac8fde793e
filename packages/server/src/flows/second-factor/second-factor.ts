/** Compares the code of a second factor, top to bottom: reserve the guess, compare, hand the proof to the gate. */
import { type ReservedAttempt, secondFactorSchedule } from '#domain/attempts/index.ts';
import {
  compareSecondFactor,
  continueLogin,
  type LoginGate,
  type LoginResult,
  type ReservedGuess,
  recordRejectedLogin,
  reserveSecondFactor,
  type TypedSecondFactor,
} from '#domain/authentication/index.ts';
import { enqueueMail } from '#domain/mail-ledger/index.ts';
import type { PasskeySettings } from '#domain/passkeys/index.ts';
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';

/** Dependencies of the flow. */
export type SecondFactor = LoginGate & { readonly passkeys: PasskeySettings };

/** The ticket of a login in progress, and the code for it. */
export interface SecondFactorAttempt {
  readonly ticket: string;
  /** The browser of a page. */
  readonly browserHash?: Buffer | undefined;
  readonly deviceToken: string | undefined;
  readonly typed: TypedSecondFactor | undefined;
  /** The use of the client's rate limit, where it is not counted yet. */
  readonly quota?: QuotaReservation | undefined;
}

/** Continues the login, or throws the Problem of the rejection. */
export async function secondFactor(
  flow: SecondFactor,
  { ticket, browserHash, deviceToken, typed, quota }: SecondFactorAttempt,
  requester: Requester,
): Promise<LoginResult> {
  const now = flow.clock.now();
  const deviceId = flow.devices.read(deviceToken);
  const guess = await reserveSecondFactor(flow.database, { ticket, browserHash, deviceId, quota }, now);
  const given = present(typed, 'a code, which the schema requires');
  const proof = compareSecondFactor(flow.keys, guess, given, now);
  try {
    if (proof === undefined) throw new Problem('invalid_code');
    const continued = () => continueLogin(flow, ticket, proof, { deviceToken, browserHash, quota }, requester);
    // A recovery code is compared by the transaction that failed, so it may be wrong.
    return await (proof.by === 'totp' ? flow.unfinishedAttempts.finish(counterOf(guess), continued) : continued());
  } catch (error) {
    // A code that was used before is as wrong as any other; the gate's transaction has rolled back.
    if (error instanceof Problem && error.code === 'invalid_code') await recordWrongCode(flow, guess, given, requester);
    throw error;
  }
}

function counterOf({ userId, fromKnownDevice }: ReservedGuess): ReservedAttempt {
  return { kind: fromKnownDevice ? 'second_factor_known_device' : 'second_factor', userId };
}

/** At the last wrong code without a delay the user is told, unless it came from a known device: the password is known. */
async function recordWrongCode(
  flow: SecondFactor,
  { userId, wrapped, number, fromKnownDevice }: ReservedGuess,
  { kind }: TypedSecondFactor,
  requester: Requester,
): Promise<void> {
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const rejected = { by: kind, reason: 'invalid_code', userId, userKey } as const;
  const record = (queries: Queries) => recordRejectedLogin(flow, queries, rejected, requester);
  if (number !== secondFactorSchedule.undelayed || fromKnownDevice) return record(flow.database);
  const now = flow.clock.now();
  await flow.database.transaction(async (tx) => {
    await flow.users.lock(tx, userId);
    const recipient = await flow.users.primaryEmail(userId, tx);
    await record(tx);
    if (recipient === undefined) return;
    const mail = { template: 'second_factor_failed', tokenId: null, params: {} } as const;
    await enqueueMail(tx, flow.mail.values({ ...recipient, ...mail, userId, userKey, now }));
  });
}
