/**
 * The end of a user's second factors together. Owns no table: each factor's rows belong to its module.
 *
 * Invariant: a user whose last second factor ends has two factors turned off and no recovery codes, so that no login asks
 * for what nobody has.
 */
import { deleteRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { deleteTotp } from '#domain/totp/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Queries } from '#platform/database/index.ts';

/**
 * Ends the second factors that were confirmed after `since`, or all of them, in a transaction that locked the user and
 * raises the epoch. Returns whether there was one.
 */
export async function endSecondFactors(
  tx: Queries,
  users: Pick<Users, 'setMfa'>,
  userId: string,
  since?: Date,
): Promise<boolean> {
  if (!(await deleteTotp(tx, userId, since))) return false;
  await deleteRecoveryCodes(tx, userId);
  await users.setMfa(tx, userId, false);
  return true;
}
