/** Disabling and enabling a user, ending all sessions, changing roles. Each raises the epoch. */
import type { AuditAction, AuditActor } from '#domain/audit/index.ts';
import { assignRole, type Role, revokeRole } from '#domain/roles/index.ts';
import { endSecondFactors, requireForRole, waiveForRole } from '#domain/second-factors/index.ts';
import type { EndReason } from '#domain/sessions/index.ts';
import { changeUser, UnchangedUser, type UserChange, unlessUnchanged } from '#domain/user-changes/index.ts';
import type { UserStatus } from '#domain/users/index.ts';
import type { JsonObject } from '#kernel/json.ts';
import type { Queries } from '#platform/database/index.ts';
import type { AdminUsers } from './admin-users.ts';

/** The result. `unchanged`: the status does not allow the change, or the user is in the requested state already. */
export type Change =
  | { readonly kind: 'changed'; readonly endedSessions: number }
  | { readonly kind: 'unchanged'; readonly status: UserStatus }
  | { readonly kind: 'absent' };

/** Ends every session and blocks logins until `enableUser`. */
export function disableUser(flow: AdminUsers, actor: AuditActor, userId: string): Promise<Change> {
  return change(flow, userId, {
    ...effectOf(actor, 'user.disabled', 'disabled'),
    statuses: ['active', 'pending_deletion'],
    raise: (tx) => flow.users.changeStatus(tx, userId, 'disabled'),
  });
}

/** Lets a disabled user log in again; everything issued before stays revoked. */
export function enableUser(flow: AdminUsers, actor: AuditActor, userId: string): Promise<Change> {
  return change(flow, userId, {
    ...effectOf(actor, 'user.enabled', 'disabled'),
    statuses: ['disabled'],
    raise: (tx) => flow.users.changeStatus(tx, userId, 'active'),
  });
}

/** Revokes every session, refresh token, link and known device. The user may log in again at once. */
export function endSessions(flow: AdminUsers, actor: AuditActor, userId: string): Promise<Change> {
  return change(flow, userId, effectOf(actor, 'user.sessions_ended', 'ended_by_operator'));
}

/**
 * Assigns a role and ends the sessions that were authorized by the earlier roles. Turns two factors on where the deployment
 * requires them of roles.
 */
export function grantRole(flow: AdminUsers, actor: AuditActor, userId: string, role: Role): Promise<Change> {
  return change(flow, userId, {
    ...effectOf(actor, 'user.role_granted', 'role_changed', { role }),
    raise: async (tx) => {
      const isNew = await assignRole(tx, { userId, role, now: flow.clock.now(), makeId: flow.makeId });
      if (!isNew) return undefined;
      await requireForRole(tx, flow, userId);
      return flow.users.raiseEpoch(tx, userId);
    },
  });
}

/** Withdraws a role and ends the sessions that it authorized. */
export function withdrawRole(flow: AdminUsers, actor: AuditActor, userId: string, role: Role): Promise<Change> {
  return change(flow, userId, {
    ...effectOf(actor, 'user.role_revoked', 'role_changed', { role }),
    raise: async (tx) => {
      if (!(await revokeRole(tx, userId, role))) return undefined;
      await waiveForRole(tx, flow, userId);
      return flow.users.raiseEpoch(tx, userId);
    },
  });
}

/**
 * Ends the second factors of a user who lost them. A password is enough until the user sets up another one, which the next
 * login does where the deployment requires it.
 */
export function resetFactors(flow: AdminUsers, actor: AuditActor, userId: string): Promise<Change> {
  return change(flow, userId, {
    ...effectOf(actor, 'factor.reset', 'factors_changed'),
    raise: async (tx) => ((await endSecondFactors(tx, flow, userId)) ? flow.users.raiseEpoch(tx, userId) : undefined),
    resets: ['second_factor', 'second_factor_known_device'],
    mail: (tx) => noticeOf(flow, tx, userId),
  });
}

async function noticeOf(flow: AdminUsers, tx: Queries, userId: string) {
  const [userKey, recipient] = [await flow.users.key(userId, tx), await flow.users.primaryEmail(userId, tx)];
  if (userKey === undefined || recipient === undefined) return undefined;
  const mail = { template: 'second_factor_removed', tokenId: null, params: {} } as const;
  return flow.mail.values({ ...recipient, ...mail, userId, userKey, now: flow.clock.now() });
}

type Effect = Pick<UserChange, 'sessions' | 'event' | 'raise' | 'statuses' | 'resets' | 'mail'>;

function effectOf(actor: AuditActor, action: AuditAction, reason: EndReason, facts: JsonObject = {}): Effect {
  return {
    sessions: { kind: 'end_all', reason },
    event: ({ endedSessions: sessions }) => ({ action, actor, facts: { sessions, ...facts } }),
  };
}

async function change(flow: AdminUsers, userId: string, effect: Effect): Promise<Change> {
  const now = flow.clock.now();
  const result = await unlessUnchanged(() =>
    flow.database.transaction((tx) => changeUser(flow, tx, undefined, { userId, now, ...effect })),
  );
  if (!(result instanceof UnchangedUser)) return { kind: 'changed', endedSessions: result.endedSessions };
  const { status } = result;
  return status === undefined ? { kind: 'absent' } : { kind: 'unchanged', status };
}
