/** `latchkey user`: the people, for the operator. */
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
  listUsers,
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

/** The commands. */
export const userCommands: readonly ServiceCommand[] = [
  createUserCommand,
  {
    needs: 'services',
    name: 'user show',
    summary: 'Show a user, their roles and how many sessions they have',
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
      limit: { type: 'string', value: 'NUMBER', description: `At most so many, ${defaultLimit} when not given` },
      after: { type: 'string', value: 'ID', description: 'Go on after this user, the last of the page before' },
    },
    run: list,
  },
  metadataCommand,
  {
    needs: 'services',
    name: 'user disable',
    summary: 'Keep a user out and end all their sessions',
    arguments: [idOrEmail],
    options: {},
    run: (input, services) =>
      change(input, services, disableUser, {
        changed: (sessions) => `The user is disabled; ${sessions} ended.`,
        unchanged: () => 'The user is disabled already.',
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
        changed: () => 'The user is enabled and may log in again.',
        unchanged: (status) => `The user is not disabled but ${status}.`,
      }),
  },
  {
    needs: 'services',
    name: 'user unlock',
    summary: 'Forget the wrong passwords and codes that were typed for a user, who may then log in at once',
    arguments: [idOrEmail],
    options: {},
    run: async (input, services) => {
      const id = await requireUser(services, input);
      if (!(await unlockUser(services, operator, id))) throw unknownUser(input);
      return { exitCode: 0, text: 'Wrong passwords and codes are forgotten.', data: { id } };
    },
  },
  {
    needs: 'services',
    name: 'user end-sessions',
    summary: 'End all sessions, links and known devices of a user',
    arguments: [idOrEmail],
    options: {},
    run: (input, services) =>
      change(input, services, endSessions, {
        changed: (sessions) => `${sessions} ended.`,
        unchanged: (status) => `Nothing was ended: the user is ${status}.`,
      }),
  },
  {
    needs: 'services',
    name: 'user grant-role',
    summary: 'Give a user a role; all their sessions end, since they began without it',
    arguments: [idOrEmail, 'ROLE'],
    options: {},
    run: (input, services) => {
      const role = readRole(input.arguments[1] ?? '', 'ROLE');
      return change(input, services, (flow, actor, userId) => grantRole(flow, actor, userId, role), {
        changed: (sessions) => `The user has the role ${role}; ${sessions} ended.`,
        unchanged: () => `The user has the role ${role} already.`,
      });
    },
  },
  {
    needs: 'services',
    name: 'user revoke-role',
    summary: 'Take a role from a user and end all their sessions',
    arguments: [idOrEmail, 'ROLE'],
    options: {},
    run: (input, services) => {
      const role = readRole(input.arguments[1] ?? '', 'ROLE');
      return change(input, services, (flow, actor, userId) => withdrawRole(flow, actor, userId, role), {
        changed: (sessions) => `The user has the role ${role} no more; ${sessions} ended.`,
        unchanged: () => `The user does not have the role ${role}.`,
      });
    },
  },
];

interface Words {
  readonly changed: (sessions: string) => string;
  readonly unchanged: (status: string) => string;
}

/** That nothing had to change is no failure: a script may say it twice. */
async function change(
  input: CommandInput,
  services: AdminUsers,
  apply: (flow: AdminUsers, actor: AuditActor, userId: string) => Promise<Change>,
  words: Words,
): Promise<CommandResult> {
  const userId = await requireUser(services, input);
  const outcome = await apply(services, operator, userId);
  switch (outcome.kind) {
    case 'absent':
      throw unknownUser(input);
    case 'unchanged':
      return { exitCode: 0, text: words.unchanged(outcome.status), data: { id: userId, changed: false } };
    case 'changed': {
      const { endedSessions } = outcome;
      const sessions = endedSessions === 1 ? '1 session' : `${endedSessions} sessions`;
      return { exitCode: 0, text: words.changed(sessions), data: { id: userId, changed: true, endedSessions } };
    }
  }
}

async function list(input: CommandInput, services: AdminUsers): Promise<CommandResult> {
  const after = textOf(input, 'after');
  const page = await listUsers(services, numberOf(input, 'limit', 1, maxLimit) ?? defaultLimit, after);
  if (page === undefined) throw new OperatorError(`There is no user with the id "${after}".`, 1);
  const { users, next } = page;
  const rows = users.map(({ id, status, email, name }) => [id, status, email ?? '(no address)', name]);
  const more = next === undefined ? [] : [`There are more: latchkey user list --after ${next}`];
  const text = rows.length === 0 ? 'There are no users.' : [inColumns(rows), ...more].join('\n');
  return { exitCode: 0, text, data: { users: users.map(profileToJson), next: next ?? null } };
}

function describe(user: AdminUser): [string, string][] {
  const { emailVerifiedAt } = user;
  const proof = emailVerifiedAt === null ? 'not verified' : `verified ${emailVerifiedAt.toISOString()}`;
  return [
    ['id', user.id],
    ['email', user.email === null ? '(none)' : `${user.email} (${proof})`],
    ['name', user.name],
    ['locale', user.locale],
    ['status', user.status],
    ['roles', user.roles.join(', ') || '(none)'],
    ['live sessions', String(user.liveSessions)],
    ['last login', user.lastLoginAt?.toISOString() ?? '(none)'],
    ['failed logins', String(user.failedLogins)],
    ['created', user.createdAt.toISOString()],
    ...metadataRows(user.metadata),
  ];
}

function toJson(user: AdminUser): JsonObject {
  const { roles, liveSessions, lastLoginAt, failedLogins, metadata } = user;
  const last = lastLoginAt?.toISOString() ?? null;
  const kept = { publicMetadata: metadata.public, privateMetadata: metadata.private };
  return { ...profileToJson(user), roles: [...roles], liveSessions, lastLoginAt: last, failedLogins, ...kept };
}

function profileToJson(user: UserProfile): JsonObject {
  const { id, subject, status, name, locale, email, emailVerifiedAt, createdAt } = user;
  const times = { emailVerifiedAt: emailVerifiedAt?.toISOString() ?? null, createdAt: createdAt.toISOString() };
  return { id, subject, status, name, locale, email, ...times };
}
