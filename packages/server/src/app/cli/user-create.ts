/** `latchkey user create`: creates a user whose address counts as verified. */
import { emailInput } from '#domain/identifiers/index.ts';
import { type PasswordPolicy, passwordComplaint, passwordPolicies } from '#domain/passwords/index.ts';
import { localeInput, nameInput } from '#domain/users/index.ts';
import { type CreatedUser, createUser, type NewUser } from '#flows/admin-users/index.ts';
import { OperatorError } from '../operator-error.ts';
import type { Services } from '../wiring.ts';
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

/** How often a person may type a password. */
const maxAttempts = 3;

/** No option takes a password, because other users of the machine can read command lines. */
export const createUserCommand: ServiceCommand = {
  needs: 'services',
  name: 'user create',
  summary: 'Create a user with a verified email address',
  arguments: [],
  options: {
    email: { type: 'string', value: 'ADDRESS', description: 'Email address', required: true },
    name: { type: 'string', value: 'NAME', description: 'Display name', required: true },
    locale: { type: 'string', value: 'TAG', description: 'Language (default "en")' },
    role: { ...roleOption, repeated: true },
    'password-stdin': { type: 'boolean', description: 'Read the password from standard input instead of a prompt' },
    'no-password': { type: 'boolean', description: 'Create the user without a password' },
  },
  run: async (input, services, io) => {
    const user = readUser(input);
    const outcome = await createWithPassword(user, input, services, io);
    if (outcome.kind === 'taken')
      throw new OperatorError(`The address ${user.email.asTyped} belongs to the user ${outcome.holderId}.`, 1);
    const { userId } = outcome;
    const { email, name, locale, roles } = user;
    return {
      exitCode: 0,
      text: `Created ${email.asTyped} with the id ${userId}.`,
      data: { id: userId, email: email.asTyped, name, locale, roles: [...roles] },
    };
  },
};

/** A rejected password can be typed again; one from standard input or a script cannot. */
async function createWithPassword(
  user: Omit<NewUser, 'password'>,
  input: CommandInput,
  services: Services,
  io: CommandIo,
): Promise<CreatedUser> {
  const isPrompt = readSource(input) === 'prompt';
  for (let attempt = 1; ; attempt += 1) {
    const password = await readPassword(input, services, io);
    try {
      return await createUser(services, operator, { ...user, password });
    } catch (error) {
      const complaint = passwordComplaint(error);
      if (complaint === undefined) throw error;
      if (!isPrompt || attempt >= maxAttempts) throw new UsageError(`The password: ${complaint}`);
      io.err(`${complaint} Try again.\n`);
    }
  }
}

function readUser(input: CommandInput): Omit<NewUser, 'password'> {
  return {
    email: accept('--email', emailInput, textOf(input, 'email')),
    name: accept('--name', nameInput, textOf(input, 'name')),
    locale: accept('--locale', localeInput, textOf(input, 'locale') ?? 'en'),
    roles: [...new Set(textsOf(input, 'role').map((role) => readRole(role)))],
  };
}

function readSource(input: CommandInput): 'stdin' | 'none' | 'prompt' {
  const fromInput = isGiven(input, 'password-stdin');
  const without = isGiven(input, 'no-password');
  if (fromInput && without) throw new UsageError('Use either --password-stdin or --no-password, not both.');
  if (without) return 'none';
  return fromInput ? 'stdin' : 'prompt';
}

async function readPassword(input: CommandInput, services: Services, io: CommandIo): Promise<string | undefined> {
  switch (readSource(input)) {
    case 'none':
      return undefined;
    case 'stdin':
      return readFromInput(io);
    case 'prompt':
      return promptForPassword(services, io);
  }
}

async function readFromInput(io: CommandIo): Promise<string> {
  const text = await io.readInput();
  if (text === undefined) throw new UsageError('--password-stdin needs a password on standard input.');
  // `echo` and text files append a line break that is not part of the password.
  return text.replace(/\r?\n$/, '');
}

async function promptForPassword({ config }: Services, io: CommandIo): Promise<string> {
  const prompt = `Password (${describePolicy(passwordPolicies[config.passwords.profile])}): `;
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const password = await io.readSecret(prompt);
    if (password === undefined)
      throw new UsageError('No password was entered. Use a terminal, --password-stdin or --no-password.');
    if ((await io.readSecret('Repeat password: ')) === password) return password;
    io.err('The passwords do not match. Try again.\n');
  }
  throw new UsageError('The passwords do not match.');
}

function describePolicy({ minLength, requiredClasses }: PasswordPolicy): string {
  const classes = requiredClasses.length === 0 ? '' : `, with ${requiredClasses.join(', ')}`;
  return `at least ${minLength} characters${classes}`;
}
