/** `latchkey invite`: who may make an account, for the operator. */
import { emailInput } from '#domain/identifiers/index.ts';
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

/** The commands. */
export const inviteCommands: readonly ServiceCommand[] = [
  {
    needs: 'services',
    name: 'invite create',
    summary: 'Invite somebody by mail to make an account; earlier invitations of the address end',
    arguments: [],
    options: {
      email: { type: 'string', value: 'ADDRESS', description: 'Where the invitation goes', required: true },
      role: { ...roleOption, description: `${roleOption.description}, for the account` },
      locale: { type: 'string', value: 'TAG', description: 'Language of the mail and the page, "en" when not given' },
    },
    run: create,
  },
  {
    needs: 'services',
    name: 'invite list',
    summary: 'List the invitations that can still be used, oldest first',
    arguments: [],
    options: {
      limit: { type: 'string', value: 'NUMBER', description: `At most so many, ${defaultLimit} when not given` },
      after: { type: 'string', value: 'ID', description: 'Go on after this invitation, the last of the page before' },
    },
    run: list,
  },
  {
    needs: 'services',
    name: 'invite revoke',
    summary: 'End an invitation before it is used',
    arguments: ['ID'],
    options: {},
    run: async (input, services) => {
      const id = input.arguments[0] ?? '';
      if (!uuid.test(id) || !(await revoke(services, operator, id))) {
        throw new OperatorError(`There is no open invitation with the id "${id}".`, 1);
      }
      return { exitCode: 0, text: 'The invitation is revoked.', data: { id, revoked: true } };
    },
  },
];

async function create(input: CommandInput, services: Services): Promise<CommandResult> {
  const email = accept('--email', emailInput, textOf(input, 'email'));
  const locale = accept('--locale', localeInput, textOf(input, 'locale') ?? 'en');
  const given = textOf(input, 'role');
  const role = given === undefined ? null : readRole(given);
  if (services.config.registration === 'closed') {
    throw new OperatorError('Nobody may register here: set LATCHKEY_REGISTRATION to invite or open first.', 1);
  }
  const outcome = await createInvitation(services, operator, { email, locale, role });
  if (outcome.kind === 'taken') {
    throw new OperatorError(`The address ${email.asTyped} is taken by the user ${outcome.holderId}.`, 1);
  }
  const { invitationId: id, expiresAt } = outcome;
  const until = expiresAt.toISOString();
  return {
    exitCode: 0,
    text: `Invited ${email.asTyped} with the id ${id}, until ${until}.`,
    data: { id, email: email.asTyped, locale, role, expiresAt: until },
  };
}

async function list(input: CommandInput, services: Services): Promise<CommandResult> {
  const after = textOf(input, 'after');
  if (after !== undefined && !uuid.test(after)) throw new UsageError('--after takes the id of an invitation.');
  const limit = numberOf(input, 'limit', 1, maxLimit) ?? defaultLimit;
  const { invitations, next } = await listInvitations(services, limit, after);
  const rows = invitations.map(({ id, asTyped, role, expiresAt }) => [
    id,
    `until ${expiresAt.toISOString()}`,
    role ?? '(no role)',
    asTyped,
  ]);
  const more = next === undefined ? [] : [`There are more: latchkey invite list --after ${next}`];
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
