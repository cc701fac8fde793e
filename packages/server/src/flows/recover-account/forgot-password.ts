import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import type { Caller } from '#platform/http/index.ts';

export type ForgotPassword = RequestMail;

/** Stores the request. Its job sends a link if a user that may log in holds the address, verified or not. */
export async function forgotPassword(
  flow: ForgotPassword,
  canonical: string,
  caller: Caller,
  deviceToken = caller.deviceCookie,
): Promise<void> {
  const action = 'password.reset_requested';
  const request = { canonical, purpose: 'reset_password', action, toUnverified: true, requester: caller } as const;
  await requestMail(flow, request, deviceToken);
}
