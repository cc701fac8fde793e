/** Values of options, checked by the schemas that the API uses. */
import { isRole, type Role, roleNames } from '#domain/roles/index.ts';
import { type CommandOption, UsageError } from './command.ts';

interface Acceptor<T> {
  safeParse(
    given: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly { readonly message: string }[] } };
}

/** The value, or a usage error that says what is wrong with it. */
export function accept<T>(what: string, schema: Acceptor<T>, given: string | undefined): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${what}: ${parsed.error.issues[0]?.message ?? 'it cannot be used.'}`);
}

/** The option `--role`. */
export const roleOption = {
  type: 'string',
  value: 'ROLE',
  description: `A role: ${roleNames.join(', ')}`,
} as const satisfies CommandOption;

/** The role of that name; `what` is where it was typed. */
export function readRole(text: string, what = '--role'): Role {
  if (isRole(text)) return text;
  throw new UsageError(`${what}: there is no role "${text}"; there are: ${roleNames.join(', ')}.`);
}
