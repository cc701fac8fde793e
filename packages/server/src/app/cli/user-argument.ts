/** The argument by which commands name a user: an id or an email address. */
import { type AdminUsers, findUser } from '#flows/admin-users/index.ts';
import { OperatorError } from '../operator-error.ts';
import type { CommandInput } from './command.ts';

/** The placeholder in the help. */
export const idOrEmail = 'ID|EMAIL';

/** Finds the user and returns the id. @throws OperatorError when there is no such user. */
export async function requireUser(services: AdminUsers, input: CommandInput): Promise<string> {
  const userId = await findUser(services, input.arguments[0] ?? '');
  if (userId === undefined) throw unknownUser(input);
  return userId;
}

export function unknownUser(input: CommandInput): OperatorError {
  return new OperatorError(`There is no user with the id or address "${input.arguments[0] ?? ''}".`, 1);
}
