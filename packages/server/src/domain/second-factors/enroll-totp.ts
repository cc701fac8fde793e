/** Setting an authenticator app up: a secret, and its first code. */
import { firstRecoveryCodes } from '#domain/recovery-codes/index.ts';
import {
  addPendingTotp,
  confirmTotp,
  findPendingTotp,
  openTotpSecret,
  sealTotpSecret,
  type TotpStep,
} from '#domain/totp/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { encodeBase32 } from '#protocol/base32/index.ts';
import { matchingStep, newTotpSecret, totpUri } from '#protocol/totp/index.ts';

/** Dependencies of an enrolment. */
export interface TotpEnrollment {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Pick<Keys, 'mac' | 'keyIds' | 'currentKeyId'>;
  readonly users: Users;
  /** The host of the public URL without its port, which an authenticator app shows. */
  readonly service: string;
}

/** The secret for an authenticator app: typed, or as a link, which a QR code can contain. */
export interface Enrollment {
  readonly secret: string;
  readonly uri: string;
}

/**
 * Makes a secret that becomes a factor with its first code; an earlier factor stays until then.
 *
 * @param user.account the name of the account that the app shows.
 */
export async function beginTotp(
  deps: TotpEnrollment,
  { userId, userKey, account }: { readonly userId: string; readonly userKey: UserKey; readonly account: string },
): Promise<Enrollment> {
  const secret = newTotpSecret();
  const id = deps.makeId();
  const sealedSecret = sealTotpSecret(userKey, id, secret);
  await addPendingTotp(deps.database, { id, userId, sealedSecret, now: deps.clock.now() });
  const uri = totpUri({ issuer: deps.service, account, secret });
  return { secret: encodeBase32(secret, 'rfc4648'), uri };
}

/**
 * Compares the first code with the secret that waits for it.
 *
 * @throws Problem `enrollment_expired` without such a secret, `invalid_code` for a wrong code.
 */
export async function compareFirstCode(
  { database, clock }: Pick<TotpEnrollment, 'database' | 'clock'>,
  { userId, userKey }: { readonly userId: string; readonly userKey: UserKey },
  code: string,
): Promise<TotpStep> {
  const now = clock.now();
  const pending = await findPendingTotp(database, userId, now);
  if (pending === undefined) throw new Problem('enrollment_expired');
  const { secretId, sealedSecret } = pending;
  const step = matchingStep(openTotpSecret(userKey, secretId, sealedSecret), code, now);
  if (step === undefined) throw new Problem('invalid_code');
  return { userId, secretId, step };
}

/**
 * Turns two factors on by a first code that was compared, in a transaction that locked the user and raises the epoch. The
 * first time it also makes the recovery codes, and returns them.
 *
 * @throws Problem `enrollment_expired` when the secret was replaced since.
 */
export async function turnTotpOn(
  tx: Queries,
  deps: Pick<TotpEnrollment, 'makeId' | 'keys' | 'users'>,
  step: TotpStep,
  now: Date,
): Promise<readonly string[] | undefined> {
  if (!(await confirmTotp(tx, step, now))) throw new Problem('enrollment_expired');
  await deps.users.setMfa(tx, step.userId, true);
  return firstRecoveryCodes(tx, deps, step.userId, now);
}
