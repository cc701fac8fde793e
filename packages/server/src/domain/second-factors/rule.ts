import { listRoles } from '#domain/roles/index.ts';
import type { Queries } from '#platform/database/index.ts';

/** The users that a login requires two factors of; `admins` are those with a role. */
export type SecondFactorRule = 'nobody' | 'admins' | 'everybody';

/** Whether the rule of the deployment requires two factors of a user. */
export function isSecondFactorRequired(rule: SecondFactorRule, { hasRole }: { readonly hasRole: boolean }): boolean {
  return rule === 'everybody' || (rule === 'admins' && hasRole);
}

/** The same for a user who is locked; reads the roles. */
export async function isRequiredOf(tx: Queries, rule: SecondFactorRule, userId: string): Promise<boolean> {
  return isSecondFactorRequired(rule, { hasRole: (await listRoles(tx, userId)).length > 0 });
}
