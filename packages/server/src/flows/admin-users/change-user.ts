/** Disabling, enabling, ending all sessions, changing roles: each raises the epoch, so that all that came before is dead. */
import type { AuditAction } from '#domain/audit/index.ts';
import { assignRole, type Role, revokeRole } from '#domain/roles/index.ts';
import { type EndReason, endSessionsOfUser } from '#domain/sessions/index.ts';
import type { UserStatus } from '#domain/users/index.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Queries } from '#platform/database/index.ts';
import type { AdminUsers } from './admin-users.ts';

/** What came of it. `unchanged`: the status does not allow it, or it is so already. */
export type Change =
  | { readonly kind: 'changed'; readonly endedSessions: number }
  | { readonly kind: 'unchanged'; readonly status: UserStatus }
  | { readonly kind: 'absent' };

interface Effect {
  readonly action: AuditAction;
  readonly reason: EndReason;
  /** What the event says beside the number of sessions. */
  readonly facts?: JsonObject;
  readonly appliesTo: readonly UserStatus[];
  /** Undefined: there was nothing to do, and nothing ends. */
  readonly raise: (tx: Queries, userId: string) => Promise<number | undefined>;
}

/** Nothing of the user's works any more, until they are enabled and log in again. */
export function disableUser(flow: AdminUsers, userId: string): Promise<Change> {
  return carryOut(flow, userId, {
    action: 'user.disabled',
    reason: 'disabled',
    appliesTo: ['active', 'pending_deletion'],
    raise: (tx, id) => flow.users.changeStatus(tx, id, 'disabled'),
  });
}

/** The user may log in again; what they had before stays dead. */
export function enableUser(flow: AdminUsers, userId: string): Promise<Change> {
  return carryOut(flow, userId, {
    action: 'user.enabled',
    reason: 'disabled',
    appliesTo: ['disabled'],
    raise: (tx, id) => flow.users.changeStatus(tx, id, 'active'),
  });
}

/** Ends every session, refresh token, link and known device of the user, who may log in again at once. */
export function endSessions(flow: AdminUsers, userId: string): Promise<Change> {
  return carryOut(flow, userId, {
    action: 'user.sessions_ended',
    reason: 'ended_by_operator',
    appliesTo: ['active', 'pending_deletion', 'disabled'],
    raise: (tx, id) => flow.users.raiseEpoch(tx, id),
  });
}

/** Gives a role. What was done before was allowed by other roles, so all of it ends. */
export function grantRole(flow: AdminUsers, userId: string, role: Role): Promise<Change> {
  return carryOut(flow, userId, {
    ...roleEffect('user.role_granted', role),
    raise: async (tx, id) => {
      const granted = await assignRole(tx, { userId: id, role, now: flow.clock.now(), makeId: flow.makeId });
      return granted ? flow.users.raiseEpoch(tx, id) : undefined;
    },
  });
}

/** Takes a role away; what was allowed by it ends. */
export function withdrawRole(flow: AdminUsers, userId: string, role: Role): Promise<Change> {
  return carryOut(flow, userId, {
    ...roleEffect('user.role_revoked', role),
    raise: async (tx, id) => ((await revokeRole(tx, id, role)) ? flow.users.raiseEpoch(tx, id) : undefined),
  });
}

function roleEffect(action: AuditAction, role: Role): Omit<Effect, 'raise'> {
  return { action, reason: 'role_changed', facts: { role }, appliesTo: ['active', 'pending_deletion', 'disabled'] };
}

async function carryOut(flow: AdminUsers, userId: string, effect: Effect): Promise<Change> {
  const now = flow.clock.now();
  return flow.database.transaction(async (tx) => {
    const user = await flow.users.lock(tx, userId);
    if (user === undefined) return { kind: 'absent' };
    if (!effect.appliesTo.includes(user.status)) return { kind: 'unchanged', status: user.status };
    const raised = await effect.raise(tx, userId);
    if (raised === undefined) return { kind: 'unchanged', status: user.status };
    const sessions = await endSessionsOfUser(tx, { userId, reason: effect.reason, now });
    const facts = { sessions, ...effect.facts };
    await flow.audit.record(tx, { action: effect.action, at: now, actor: { kind: 'operator' }, userId, facts });
    return { kind: 'changed', endedSessions: sessions };
  });
}
