/** The argument that names a user, of every command about one. */
import { type AdminUsers, findUser } from '#flows/admin-users/index.ts';
import { OperatorError } from '../operator-error.ts';
import type { CommandInput } from './command.ts';

/** How the help calls it. */
export const idOrEmail = 'ID|EMAIL';

/** The id of the user who is named. @throws OperatorError when there is none. */
export async function requireUser(services: AdminUsers, input: CommandInput): Promise<string> {
  const userId = await findUser(services, input.arguments[0] ?? '');
  if (userId === undefined) throw unknownUser(input);
  return userId;
}

/** That nobody has the id or address. */
export function unknownUser(input: CommandInput): OperatorError {
  return new OperatorError(`There is no user with the id or address "${input.arguments[0] ?? ''}".`, 1);
}
