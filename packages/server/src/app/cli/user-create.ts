/** `latchkey user create`: a user whose address the operator vouches for, such as the first admin. */
import { emailInput } from '#domain/identifiers/index.ts';
import { passwordComplaint } from '#domain/passwords/index.ts';
import { localeInput, nameInput } from '#domain/users/index.ts';
import { createUser, type NewUser } from '#flows/admin-users/index.ts';
import { OperatorError } from '../operator-error.ts';
import { accept, readRole, roleOption } from './accept.ts';
import { operator } from './actor.ts';
import {
  type CommandInput,
  type CommandIo,
  isGiven,
  type ServiceCommand,
  textOf,
  textsOf,
  UsageError,
} from './command.ts';

/** No option takes a password: other users of the machine can read what was typed. */
export const createUserCommand: ServiceCommand = {
  needs: 'services',
  name: 'user create',
  summary: 'Create a user whose address counts as verified',
  arguments: [],
  options: {
    email: { type: 'string', value: 'ADDRESS', description: 'E-mail address', required: true },
    name: { type: 'string', value: 'NAME', description: 'Name to be shown', required: true },
    locale: { type: 'string', value: 'TAG', description: 'Language, "en" when not given' },
    role: { ...roleOption, repeated: true },
    'password-stdin': { type: 'boolean', description: 'Read the password from standard input instead of asking' },
    'no-password': { type: 'boolean', description: 'Set no password' },
  },
  run: async (input, services, io) => {
    const user = { ...readUser(input), password: await readPassword(input, io) };
    const outcome = await createUser(services, operator, user).catch(explain);
    if (outcome.kind === 'taken') throw taken(user.email.asTyped, outcome.holderId);
    const { userId } = outcome;
    const { email, name, locale, roles } = user;
    return {
      exitCode: 0,
      text: `Created ${email.asTyped} with the id ${userId}.`,
      data: { id: userId, email: email.asTyped, name, locale, roles: [...roles] },
    };
  },
};

function explain(error: unknown): never {
  const complaint = passwordComplaint(error);
  throw complaint === undefined ? error : new UsageError(`The password: ${complaint}`);
}

function taken(email: string, holderId: string | undefined): OperatorError {
  const holder = holderId === undefined ? 'somebody who has gone meanwhile; try again' : `the user ${holderId}`;
  return new OperatorError(`The address ${email} is taken by ${holder}.`, 1);
}

function readUser(input: CommandInput): Omit<NewUser, 'password'> {
  return {
    email: accept('--email', emailInput, textOf(input, 'email')),
    name: accept('--name', nameInput, textOf(input, 'name')),
    locale: accept('--locale', localeInput, textOf(input, 'locale') ?? 'en'),
    roles: [...new Set(textsOf(input, 'role').map((role) => readRole(role)))],
  };
}

async function readPassword(input: CommandInput, io: CommandIo): Promise<string | undefined> {
  const fromInput = isGiven(input, 'password-stdin');
  const without = isGiven(input, 'no-password');
  if (fromInput && without) throw new UsageError('Give one of --password-stdin and --no-password.');
  if (without) return undefined;
  return fromInput ? readFromInput(io) : ask(io);
}

async function readFromInput(io: CommandIo): Promise<string> {
  const given = await io.readInput();
  if (given === undefined) throw new UsageError('--password-stdin needs a password on standard input.');
  // What `echo` and a file end with is not part of the password.
  return given.replace(/\r?\n$/, '');
}

async function ask(io: CommandIo): Promise<string> {
  const password = await io.readSecret('Password: ');
  if (password === undefined)
    throw new UsageError('There is no password: answer at a terminal, or give --password-stdin or --no-password.');
  if ((await io.readSecret('The same again: ')) !== password) throw new UsageError('The two passwords differ.');
  return password;
}
