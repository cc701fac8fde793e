/**
 * Roles: what somebody may do beyond their own account. Owns `role_assignments`.
 * Invariants: a role is one of a closed set; somebody has it once for each scope, and for now the only scope is the whole
 * deployment. Whoever changes the roles of somebody who has sessions also raises their epoch (invariant 4).
 */
import type { MakeId } from '#kernel/ids.ts';
import { type Queries, statement } from '#platform/database/index.ts';

/** Every role there is. */
export const roleNames = ['admin'] as const;

export type Role = (typeof roleNames)[number];

/** Whether there is such a role. */
export function isRole(text: string): text is Role {
  return roleNames.some((role) => role === text);
}

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
    where user_id = :userId and role = :role and scope_kind = 'deployment' and scope_id = ''`,
  params: { userId: 'uuid', role: 'text' },
  columns: {},
});

const list = statement('role_assignments.list', {
  lane: 'pool',
  sql: `select role from role_assignments where user_id = :userId and scope_kind = 'deployment' order by role`,
  params: { userId: 'uuid' },
  columns: { role: 'text' },
});

/** What making an assignment takes. */
export interface RoleAssignment {
  readonly userId: string;
  readonly role: Role;
  readonly now: Date;
  readonly makeId: MakeId;
}

/** Gives somebody a role in the whole deployment; false when they have it already. */
export async function assignRole(tx: Queries, { userId, role, now, makeId }: RoleAssignment): Promise<boolean> {
  return (await tx.run(assign, { id: makeId(), userId, role, now })) === 1;
}

/** Takes a role in the whole deployment away; false when they do not have it. */
export async function revokeRole(tx: Queries, userId: string, role: Role): Promise<boolean> {
  return (await tx.run(revoke, { userId, role })) === 1;
}

/** The roles somebody has in the whole deployment. A role of a later release is told too. */
export async function listRoles(queries: Queries, userId: string): Promise<string[]> {
  return (await queries.rows(list, { userId })).map(({ role }) => role);
}
