import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import type { Requester } from '#kernel/requester.ts';

export type ForgotPassword = RequestMail;

/** Stores the request. Its job sends a link if a user that may log in holds the address, verified or not. */
export async function forgotPassword(flow: ForgotPassword, canonical: string, requester: Requester): Promise<void> {
  const action = 'password.reset_requested';
  await requestMail(flow, { canonical, purpose: 'reset_password', action, toUnverified: true, requester });
}
