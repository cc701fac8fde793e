/**
 * The end of a user's second factors. Owns no table: each factor's rows belong to its module.
 *
 * Invariant: a user whose last second factor ends has two factors turned off and no recovery codes, so that no login asks
 * for a factor that the user does not have.
 */
import { deletePasskeys, listPasskeys } from '#domain/passkeys/index.ts';
import { deleteRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { deleteTotp, describeTotp } from '#domain/totp/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Queries } from '#platform/database/index.ts';

/** Whether the user has a second factor; recovery codes only replace one. */
async function hasSecondFactor(queries: Queries, userId: string): Promise<boolean> {
  if ((await describeTotp(queries, userId)) !== undefined) return true;
  return (await listPasskeys(queries, userId)).length > 0;
}

/**
 * Turns two factors off when no second factor is left, in the transaction that deleted one and raises the epoch. Returns
 * whether they were on and are off now.
 */
export async function endWithLastFactor(tx: Queries, users: Pick<Users, 'setMfa'>, userId: string): Promise<boolean> {
  if (await hasSecondFactor(tx, userId)) return false;
  await deleteRecoveryCodes(tx, userId);
  return users.setMfa(tx, userId, false);
}

/**
 * Ends the second factors that were added after `since`, or all of them, in a transaction that locked the user and raises
 * the epoch. Returns whether there was one.
 */
export async function endSecondFactors(
  tx: Queries,
  users: Pick<Users, 'setMfa'>,
  userId: string,
  since?: Date,
): Promise<boolean> {
  const hadTotp = await deleteTotp(tx, userId, since);
  const hadPasskey = await deletePasskeys(tx, userId, since);
  if (!hadTotp && !hadPasskey) return false;
  await endWithLastFactor(tx, users, userId);
  return true;
}
