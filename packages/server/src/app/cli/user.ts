/** `latchkey user`: manages users. */
import type { AuditActor } from '#domain/audit/index.ts';
import type { UserProfile } from '#domain/users/index.ts';
import {
  type AdminUser,
  type AdminUsers,
  type Change,
  disableUser,
  enableUser,
  endSessions,
  grantRole,
  listFactors,
  listUsers,
  resetFactors,
  showUser,
  unlockUser,
  withdrawRole,
} from '#flows/admin-users/index.ts';
import type { JsonObject } from '#kernel/json.ts';
import { OperatorError } from '../operator-error.ts';
import { readRole } from './accept.ts';
import { operator } from './actor.ts';
import { type CommandInput, type CommandResult, numberOf, type ServiceCommand, textOf } from './command.ts';
import { inColumns } from './table.ts';
import { idOrEmail, requireUser, unknownUser } from './user-argument.ts';
import { createUserCommand } from './user-create.ts';
import { metadataCommand, metadataRows } from './user-metadata.ts';

const defaultLimit = 50;
const maxLimit = 1000;

export const userCommands: readonly ServiceCommand[] = [
  createUserCommand,
  {
    needs: 'services',
    name: 'user show',
    summary: 'Show a user with roles and number of active sessions',
    arguments: [idOrEmail],
    options: {},
    run: async (input, services) => {
      const user = await showUser(services, await requireUser(services, input));
      if (user === undefined) throw unknownUser(input);
      return { exitCode: 0, text: inColumns(describe(user)), data: toJson(user) };
    },
  },
  {
    needs: 'services',
    name: 'user list',
    summary: 'List the users, oldest first',
    arguments: [],
    options: {
      limit: { type: 'string', value: 'NUMBER', description: `Maximum number of users (default ${defaultLimit})` },
      after: { type: 'string', value: 'ID', description: 'Start after this user, the last of the previous page' },
    },
    run: list,
  },
  metadataCommand,
  {
    needs: 'services',
    name: 'user factors',
    summary: 'List the second factors of a user, when they were added and last used',
    arguments: [idOrEmail],
    options: {},
    run: async (input, services) => {
      const factors = await listFactors(services, await requireUser(services, input));
      const used = (time: Date | null) => (time === null ? 'never used' : `used ${time.toISOString()}`);
      const rows = factors.map(({ kind, detail, addedAt, lastUsedAt }) => {
        return [kind, detail, `added ${addedAt.toISOString()}`, kind === 'recovery_codes' ? '' : used(lastUsedAt)];
      });
      const listed = factors.map(({ kind, detail, addedAt, lastUsedAt }) => {
        return { kind, detail, addedAt: addedAt.toISOString(), lastUsedAt: lastUsedAt?.toISOString() ?? null };
      });
      const text = rows.length === 0 ? 'The user has no second factor.' : inColumns(rows);
      return { exitCode: 0, text, data: { factors: listed } };
    },
  },
  {
    needs: 'services',
    name: 'user disable',
    summary: 'Disable a user and revoke all their sessions',
    arguments: [idOrEmail],
    options: {},
    run: (input, services) =>
      change(input, services, disableUser, {
        changed: (sessions) => `Disabled the user and revoked ${sessions}.`,
        unchanged: () => 'The user is already disabled.',
      }),
  },
  {
    needs: 'services',
    name: 'user enable',
    summary: 'Let a disabled user log in again',
    arguments: [idOrEmail],
    options: {},
    run: (input, services) =>
      change(input, services, enableUser, {
        changed: () => 'Enabled the user, who can log in again.',
        unchanged: (status) => `The user is not disabled. The status is "${status}".`,
      }),
  },
  {
    needs: 'services',
    name: 'user unlock',
    summary: 'Reset the failed attempts of a user, who can then log in immediately',
    arguments: [idOrEmail],
    options: {},
    run: async (input, services) => {
      const id = await requireUser(services, input);
      if (!(await unlockUser(services, operator, id))) throw unknownUser(input);
      return { exitCode: 0, text: 'Reset the failed attempts of the user.', data: { id } };
    },
  },
  {
    needs: 'services',
    name: 'user end-sessions',
    summary: 'Revoke all sessions, links and known devices of a user',
    arguments: [idOrEmail],
    options: {},
    run: (input, services) =>
      change(input, services, endSessions, {
        changed: (sessions) => `Revoked ${sessions}.`,
        unchanged: (status) => `Nothing was revoked. The status of the user is "${status}".`,
      }),
  },
  {
    needs: 'services',
    name: 'user reset-factors',
    summary: 'End the second factors of a user who lost them, and revoke all their sessions',
    arguments: [idOrEmail],
    options: {},
    run: (input, services) =>
      change(input, services, resetFactors, {
        changed: (sessions) => `Ended the second factors and revoked ${sessions}.`,
        unchanged: () => 'The user has no second factor.',
      }),
  },
  {
    needs: 'services',
    name: 'user grant-role',
    summary: 'Grant a role to a user and revoke all their sessions, which began without it',
    arguments: [idOrEmail, 'ROLE'],
    options: {},
    run: (input, services) => {
      const role = readRole(input.arguments[1] ?? '', 'ROLE');
      return change(input, services, (flow, actor, userId) => grantRole(flow, actor, userId, role), {
        changed: (sessions) => `Granted the role ${role} and revoked ${sessions}.`,
        unchanged: () => `The user already has the role ${role}.`,
      });
    },
  },
  {
    needs: 'services',
    name: 'user revoke-role',
    summary: 'Revoke a role of a user and all their sessions',
    arguments: [idOrEmail, 'ROLE'],
    options: {},
    run: (input, services) => {
      const role = readRole(input.arguments[1] ?? '', 'ROLE');
      return change(input, services, (flow, actor, userId) => withdrawRole(flow, actor, userId, role), {
        changed: (sessions) => `Revoked the role ${role} and ${sessions}.`,
        unchanged: () => `The user does not have the role ${role}.`,
      });
    },
  },
];

interface Messages {
  readonly changed: (sessions: string) => string;
  readonly unchanged: (status: string) => string;
}

/** No change is a success, so that scripts can repeat the command. */
async function change(
  input: CommandInput,
  services: AdminUsers,
  operation: (flow: AdminUsers, actor: AuditActor, userId: string) => Promise<Change>,
  messages: Messages,
): Promise<CommandResult> {
  const userId = await requireUser(services, input);
  const outcome = await operation(services, operator, userId);
  switch (outcome.kind) {
    case 'absent':
      throw unknownUser(input);
    case 'unchanged':
      return { exitCode: 0, text: messages.unchanged(outcome.status), data: { id: userId, changed: false } };
    case 'changed': {
      const { endedSessions } = outcome;
      const sessions = endedSessions === 1 ? '1 session' : `${endedSessions} sessions`;
      return { exitCode: 0, text: messages.changed(sessions), data: { id: userId, changed: true, endedSessions } };
    }
  }
}

async function list(input: CommandInput, services: AdminUsers): Promise<CommandResult> {
  const after = textOf(input, 'after');
  const page = await listUsers(services, numberOf(input, 'limit', 1, maxLimit) ?? defaultLimit, after);
  if (page === undefined) throw new OperatorError(`There is no user with the id "${after}".`, 1);
  const { users, next } = page;
  const rows = users.map(({ id, status, email, name }) => [id, status, email ?? '(no address)', name]);
  const more = next === undefined ? [] : [`Next page: latchkey user list --after ${next}`];
  const text = rows.length === 0 ? 'There are no users.' : [inColumns(rows), ...more].join('\n');
  return { exitCode: 0, text, data: { users: users.map(profileToJson), next: next ?? null } };
}

function describe(user: AdminUser): [string, string][] {
  const { emailVerifiedAt } = user;
  const verification = emailVerifiedAt === null ? 'not verified' : `verified ${emailVerifiedAt.toISOString()}`;
  return [
    ['id', user.id],
    ['email', user.email === null ? '(none)' : `${user.email} (${verification})`],
    ['name', user.name],
    ['locale', user.locale],
    ['status', user.status],
    ['roles', user.roles.join(', ') || '(none)'],
    ['active sessions', String(user.liveSessions)],
    ['last login', user.lastLoginAt?.toISOString() ?? '(none)'],
    ['failed logins', String(user.failedLogins)],
    ['second factors', user.secondFactors.join(', ') || '(none)'],
    ['created', user.createdAt.toISOString()],
    ...metadataRows(user.metadata),
  ];
}

function toJson(user: AdminUser): JsonObject {
  const { roles, liveSessions, lastLoginAt, failedLogins, secondFactors, metadata } = user;
  const lastLogin = lastLoginAt?.toISOString() ?? null;
  const both = { publicMetadata: metadata.public, privateMetadata: metadata.private };
  const facts = { liveSessions, lastLoginAt: lastLogin, failedLogins, secondFactors: [...secondFactors] };
  return { ...profileToJson(user), roles: [...roles], ...facts, ...both };
}

function profileToJson(user: UserProfile): JsonObject {
  const { id, subject, status, name, locale, email, emailVerifiedAt, createdAt } = user;
  const times = { emailVerifiedAt: emailVerifiedAt?.toISOString() ?? null, createdAt: createdAt.toISOString() };
  return { id, subject, status, name, locale, email, ...times };
}
