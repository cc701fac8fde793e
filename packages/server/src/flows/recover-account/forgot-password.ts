/** Asking for a link that sets a new password; an address that nobody has proven yet gets one too. */
import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import type { Caller } from '#platform/http/index.ts';

/** What asking needs. */
export type ForgotPassword = RequestMail;

/** Takes down that a link was asked for; a job promises it to an address that has an account that lives. */
export async function forgotPassword(flow: ForgotPassword, canonical: string, caller: Caller): Promise<void> {
  const action = 'password.reset_requested';
  await requestMail(flow, { canonical, purpose: 'reset_password', action, toUnverified: true, caller });
}
