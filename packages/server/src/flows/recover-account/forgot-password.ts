import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import type { Requester } from '#kernel/requester.ts';

export type ForgotPassword = RequestMail;

/**
 * Stores the request; its job sends a link to the address if a user has it, verified or not, who is not disabled.
 */
export async function forgotPassword(flow: ForgotPassword, canonical: string, requester: Requester): Promise<void> {
  const action = 'password.reset_requested';
  await requestMail(flow, { canonical, purpose: 'reset_password', action, toUnverified: true, requester });
}
