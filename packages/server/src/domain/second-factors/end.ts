import { deletePasskeys, listPasskeys } from '#domain/passkeys/index.ts';
import { deleteRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { listRoles } from '#domain/roles/index.ts';
import { deleteTotp, describeTotp } from '#domain/totp/index.ts';
import type { Users } from '#domain/users/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';
import { isRequiredOf, type SecondFactorRule } from './rule.ts';

/** Dependencies of the end of second factors. */
export interface SecondFactorEnd {
  readonly users: Pick<Users, 'setMfa'>;
  readonly secondFactorFor: SecondFactorRule;
}

/** Whether the user has a second factor; recovery codes only replace one. */
export async function hasSecondFactor(queries: Queries, userId: string): Promise<boolean> {
  if ((await describeTotp(queries, userId)) !== undefined) return true;
  return (await listPasskeys(queries, userId)).length > 0;
}

/**
 * Turns two factors off when no second factor is left, in the transaction in which the user deleted one and that raises the
 * epoch. Returns whether they were on and are off now.
 *
 * @throws Problem `second_factor_required` when the deployment requires one of the user, which rolls the deletion back.
 */
export async function endWithLastFactor(
  tx: Queries,
  { users, secondFactorFor }: SecondFactorEnd,
  userId: string,
): Promise<boolean> {
  if (await hasSecondFactor(tx, userId)) return false;
  if (await isRequiredOf(tx, secondFactorFor, userId)) throw new Problem('second_factor_required');
  await deleteRecoveryCodes(tx, userId);
  return users.setMfa(tx, userId, false);
}

/**
 * Ends the second factors that were added after `since`, or all of them, in a transaction that locked the user and raises
 * the epoch. Two factors stay on for a user with a role that requires them: the next login sets a factor up. Returns
 * whether there was one.
 */
export async function endSecondFactors(
  tx: Queries,
  { users, secondFactorFor }: SecondFactorEnd,
  userId: string,
  since?: Date,
): Promise<boolean> {
  const hadTotp = await deleteTotp(tx, userId, since);
  const hadPasskey = await deletePasskeys(tx, userId, since);
  if (!hadTotp && !hadPasskey) return false;
  if (await hasSecondFactor(tx, userId)) return true;
  await deleteRecoveryCodes(tx, userId);
  await users.setMfa(tx, userId, secondFactorFor !== 'nobody' && (await listRoles(tx, userId)).length > 0);
  return true;
}
