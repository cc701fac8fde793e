/** Asking for a link that sets a new password; an address that nobody has proven yet gets one too. */
import { type AskMail, askMail } from '#domain/asked-mails/index.ts';
import type { Caller } from '#platform/http/index.ts';

/** What asking needs. */
export type ForgotPassword = AskMail;

/** Promises a link to the address if it has an account that lives; otherwise only records that it was asked for. */
export async function forgotPassword(flow: ForgotPassword, canonical: string, caller: Caller): Promise<void> {
  const action = 'password.reset_requested';
  await askMail(flow, { canonical, purpose: 'reset_password', action, toUnverified: true, caller });
}
