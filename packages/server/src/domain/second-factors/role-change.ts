import { listRoles } from '#domain/roles/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Queries } from '#platform/database/index.ts';
import { hasSecondFactor } from './end.ts';
import type { SecondFactorRule } from './rule.ts';

/** Dependencies of a change of roles. */
export interface RoleChange {
  readonly users: Pick<Users, 'setMfa'>;
  readonly secondFactorFor: SecondFactorRule;
}

/**
 * Turns two factors on for a user who gets a role, where the deployment requires them of roles. Call it in the transaction
 * that assigns the role: a node of an earlier release does not know the rule, and the trigger stops it.
 */
export async function requireForRole(
  tx: Queries,
  { users, secondFactorFor }: RoleChange,
  userId: string,
): Promise<void> {
  if (secondFactorFor !== 'nobody') await users.setMfa(tx, userId, true);
}

/**
 * Turns two factors off again for a user who lost the last role and never set a factor up; a user who has one keeps them
 * on. Call it in the transaction that revokes the role.
 */
export async function waiveForRole(tx: Queries, { users }: RoleChange, userId: string): Promise<void> {
  if ((await listRoles(tx, userId)).length > 0 || (await hasSecondFactor(tx, userId))) return;
  await users.setMfa(tx, userId, false);
}
