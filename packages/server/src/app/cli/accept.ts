/** Validates values of options by the schemas of the API. */
import { isRole, type Role, roleNames } from '#domain/roles/index.ts';
import { type CommandOption, UsageError } from './command.ts';

interface Acceptor<T> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly { readonly message: string }[] } };
}

/** Returns the parsed value. `name` is the option as typed, such as `--email`. @throws UsageError with the first issue. */
export function accept<T>(name: string, schema: Acceptor<T>, value: string | undefined): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${name}: ${parsed.error.issues[0]?.message ?? 'This value is not valid.'}`);
}

export const roleOption = {
  type: 'string',
  value: 'ROLE',
  description: `A role: ${roleNames.join(', ')}`,
} as const satisfies CommandOption;

/** `name` is the option or argument of the role. @throws UsageError for an unknown role. */
export function readRole(text: string, name = '--role'): Role {
  if (isRole(text)) return text;
  throw new UsageError(`${name}: There is no role "${text}". Choose one of: ${roleNames.join(', ')}.`);
}
