/** Sign-ups: registrations whose client keeps the ticket. */
import type { Application, AppResponse } from './application.ts';
import { messagesTo, register, type Tokens, uniqueEmail } from './user-actions.ts';

export interface SignedUp {
  readonly email: string;
  readonly ticket: string;
}

/** Registers, and returns the ticket of the response. */
export async function signUp(
  app: Application,
  email = uniqueEmail(),
  more: Readonly<Record<string, unknown>> = {},
): Promise<SignedUp> {
  const { data } = await register(app, email, more);
  return { email, ticket: (data as { readonly ticket: string }).ticket };
}

/** `POST /api/v1/auth/verify-email`. */
export function verify(
  app: Application,
  json: Readonly<Record<string, unknown>>,
): Promise<AppResponse<Partial<Tokens> & { readonly status: string }>> {
  return app.send('POST', '/api/v1/auth/verify-email', { json });
}

/** The code in mail `number` to an address; the first is 1. Throws for a mail without one. */
export async function codeOfSignUp(app: Application, email: string, number = 1): Promise<string> {
  const messages = await messagesTo(app, email, number);
  const code = /\b\d{6}\b/.exec(messages[number - 1]?.text ?? '');
  if (code === null) throw new Error('the mail has no code');
  return code[0];
}
