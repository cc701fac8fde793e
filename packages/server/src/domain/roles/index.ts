/**
 * Roles: the permissions of a user beyond their own account. Owns `role_assignments`; no routes.
 *
 * Invariants:
 * - A role is one of a closed set. A user has it at most once for each scope; today the only scope is the deployment.
 * - A flow that changes the roles of an existing user must also raise the user's epoch (invariant 4). The functions here do
 *   not, because a new user has no sessions.
 */
import type { MakeId } from '#kernel/ids.ts';
import { type Queries, statement } from '#platform/database/index.ts';

export const roleNames = ['owner'] as const;

export type Role = (typeof roleNames)[number];

export function isRole(text: string): text is Role {
  return roleNames.some((role) => role === text);
}

/** The name of `owner` in rows that a node of an earlier release writes during an upgrade. */
const formerOwner = 'admin';

/** The name of a stored role today; a role of a later release keeps its own. */
export function roleNameOf(stored: string): string {
  return stored === formerOwner ? 'owner' : stored;
}

/** SQL: the same for an expression. */
export function roleNameSql(expression: string): string {
  return `case ${expression} when '${formerOwner}' then 'owner' else ${expression} end`;
}

/** Both names, for a role that is revoked. */
const storedNamesOf = (role: Role) => (role === 'owner' ? [role, formerOwner] : [role]);

const assign = statement('role_assignments.assign', {
  lane: 'pool',
  sql: `insert into role_assignments (id, user_id, role, created_at) values (:id, :userId, :role, :now)
    on conflict (user_id, role, scope_kind, scope_id) do nothing`,
  params: { id: 'uuid', userId: 'uuid', role: 'text', now: 'timestamptz' },
  columns: {},
});

const revoke = statement('role_assignments.revoke', {
  lane: 'pool',
  sql: `delete from role_assignments
    where user_id = :userId and role = any (:roles::text[]) and scope_kind = 'deployment' and scope_id = ''`,
  params: { userId: 'uuid', roles: 'text[]' },
  columns: {},
});

const list = statement('role_assignments.list', {
  lane: 'pool',
  sql: `select role from role_assignments where user_id = :userId and scope_kind = 'deployment' order by role`,
  params: { userId: 'uuid' },
  columns: { role: 'text' },
});

export interface RoleAssignment {
  readonly userId: string;
  readonly role: Role;
  readonly now: Date;
  readonly makeId: MakeId;
}

/** Assigns a role in the deployment; false when the user has it already. */
export async function assignRole(tx: Queries, { userId, role, now, makeId }: RoleAssignment): Promise<boolean> {
  return (await tx.run(assign, { id: makeId(), userId, role, now })) === 1;
}

/** Removes a role in the deployment; false when the user does not have it. */
export async function revokeRole(tx: Queries, userId: string, role: Role): Promise<boolean> {
  return (await tx.run(revoke, { userId, roles: storedNamesOf(role) })) > 0;
}

/** Returns the user's roles in the deployment, including roles that only a later release defines. */
export async function listRoles(queries: Queries, userId: string): Promise<string[]> {
  const stored = await queries.rows(list, { userId });
  return [...new Set(stored.map(({ role }) => roleNameOf(role)))];
}
