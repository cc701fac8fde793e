/**
 * Change of the password. Owns `POST /api/v1/users/me/password`, the page `/account/security/password` and the mail `password_changed`; no tables.
 *
 * Order: verify the current password or the recent authentication, check the new password, hash it, then write in one
 * transaction.
 *
 * Invariants:
 * - The attempt is counted before the hash of the current password is computed, with the counter of the login, so that a
 *   stolen session gives no additional attempts (invariant 2).
 * - A user with a second factor has proven it recently, besides the current password.
 * - The current session is replaced by a new one with new secrets. Every other session, link, ticket and known device is
 *   revoked; API keys stay (invariant 4).
 *
 * Must not reject the current password as the new one: the change then still revokes and renews.
 */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { issuedSessionData, issuedSessionExample, issuedSessionResponse } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { changePassword } from './change-password.ts';
import { type PasswordPage, passwordPage } from './pages.ts';

export function changePasswordEndpoints(flow: PasswordPage): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds, orPassword: true } as const;
  return [
    apiEndpoint({
      id: 'password.change',
      method: 'POST',
      path: '/api/v1/users/me/password',
      tag: 'account',
      summary: 'Change my password',
      description:
        'Ends every other session. This one continues under a new id: the response is that of a login, with new tokens ' +
        'or new cookies, and the old ones are revoked. A wrong `currentPassword` is 403 `invalid_password`, not 401, ' +
        'because the session stays valid. A user without a password sets one with a recent step-up, and one with a second ' +
        'factor needs both.',
      auth: { principals: ['session'], stepUp },
      rateLimit: 'credential',
      request: {
        body: z.strictObject({
          // A password that an older policy accepted must still be accepted here, so that only its size is validated.
          currentPassword: z.string().min(1).max(1024).optional(),
          newPassword: passwordInput,
        }),
      },
      response: { status: 200, message: 'Password changed', data: issuedSessionData, example: issuedSessionExample },
      problems: ['invalid_password', 'busy'],
      handler: async ({ body, principal, caller }) => {
        const issued = await changePassword(flow, passwordsOf(body), principal, caller);
        return issuedSessionResponse(issued);
      },
    }),
    ...passwordPage(flow),
  ];
}

function passwordsOf({
  currentPassword,
  newPassword,
}: {
  readonly currentPassword?: string | undefined;
  readonly newPassword: string;
}) {
  return { currentPassword, newPassword };
}
