/** `latchkey invite`: creates, lists and revokes invitations to register. */
import { emailInput } from '#domain/identifiers/index.ts';
import { roleNames } from '#domain/roles/index.ts';
import { localeInput } from '#domain/users/index.ts';
import { createInvitation, listInvitations, revoke } from '#flows/admin-invitations/index.ts';
import { OperatorError } from '../operator-error.ts';
import type { Services } from '../wiring.ts';
import { accept, readRole, roleOption } from './accept.ts';
import { operator } from './actor.ts';
import { type CommandInput, type CommandResult, numberOf, type ServiceCommand, textOf, UsageError } from './command.ts';
import { inColumns } from './table.ts';

const defaultLimit = 50;
const maxLimit = 1000;
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

export const inviteCommands: readonly ServiceCommand[] = [
  {
    needs: 'services',
    name: 'invite create',
    summary: 'Invite an email address to register; earlier invitations of the address are revoked',
    arguments: [],
    options: {
      email: { type: 'string', value: 'ADDRESS', description: 'Recipient of the invitation', required: true },
      role: { ...roleOption, description: `Role of the new account: ${roleNames.join(', ')}` },
      locale: { type: 'string', value: 'TAG', description: 'Language of the email and the page (default "en")' },
    },
    run: create,
  },
  {
    needs: 'services',
    name: 'invite list',
    summary: 'List the invitations that can still be used, oldest first',
    arguments: [],
    options: {
      limit: {
        type: 'string',
        value: 'NUMBER',
        description: `Maximum number of invitations (default ${defaultLimit})`,
      },
      after: { type: 'string', value: 'ID', description: 'Start after this invitation, the last of the previous page' },
    },
    run: list,
  },
  {
    needs: 'services',
    name: 'invite revoke',
    summary: 'Revoke an invitation that was not used',
    arguments: ['ID'],
    options: {},
    run: async (input, services) => {
      const id = input.arguments[0] ?? '';
      if (!uuid.test(id) || !(await revoke(services, operator, id))) {
        throw new OperatorError(`There is no open invitation with the id "${id}".`, 1);
      }
      return { exitCode: 0, text: 'Revoked the invitation.', data: { id, revoked: true } };
    },
  },
];

async function create(input: CommandInput, services: Services): Promise<CommandResult> {
  const email = accept('--email', emailInput, textOf(input, 'email'));
  const locale = accept('--locale', localeInput, textOf(input, 'locale') ?? 'en');
  const roleName = textOf(input, 'role');
  const role = roleName === undefined ? null : readRole(roleName);
  if (services.config.registration === 'closed') {
    throw new OperatorError('Registration is closed. Set LATCHKEY_REGISTRATION to invite or open first.', 1);
  }
  const outcome = await createInvitation(services, operator, { email, locale, role });
  if (outcome.kind === 'taken') {
    throw new OperatorError(`The address ${email.asTyped} belongs to the user ${outcome.holderId}.`, 1);
  }
  const { invitationId: id, expiresAt } = outcome;
  const until = expiresAt.toISOString();
  return {
    exitCode: 0,
    text: `Invited ${email.asTyped} with the id ${id}. The invitation is valid until ${until}.`,
    data: { id, email: email.asTyped, locale, role, expiresAt: until },
  };
}

async function list(input: CommandInput, services: Services): Promise<CommandResult> {
  const after = textOf(input, 'after');
  if (after !== undefined && !uuid.test(after)) throw new UsageError('--after must be the id of an invitation.');
  const limit = numberOf(input, 'limit', 1, maxLimit) ?? defaultLimit;
  const { invitations, next } = await listInvitations(services, limit, after);
  const rows = invitations.map(({ id, asTyped, role, expiresAt }) => [
    id,
    `until ${expiresAt.toISOString()}`,
    role ?? '(no role)',
    asTyped,
  ]);
  const more = next === undefined ? [] : [`Next page: latchkey invite list --after ${next}`];
  const text = rows.length === 0 ? 'There are no open invitations.' : [inColumns(rows), ...more].join('\n');
  const data = invitations.map(({ id, asTyped, locale, role, createdAt, expiresAt }) => ({
    id,
    email: asTyped,
    locale,
    role,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  }));
  return { exitCode: 0, text, data: { invitations: data, next: next ?? null } };
}
