/**
 * Change of the password. Owns `POST /api/v1/users/me/password` and the mail `password_changed`; no tables.
 *
 * Order: verify the current password, check the new one, hash it, then write in one transaction.
 *
 * Invariants:
 * - The attempt is counted before the hash of the current password is computed, with the counter of the login, so that a
 *   stolen session gives no additional attempts (invariant 2).
 * - The current session is replaced by a new one with new secrets. Every other session, link, ticket and known device is
 *   revoked; API keys stay (invariant 4).
 *
 * Must not reject the current password as the new one: the change then still revokes and renews.
 */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { issuedSessionData, issuedSessionExample, issuedSessionResponse } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type ChangePassword, changePassword } from './change-password.ts';

export type { ChangePassword } from './change-password.ts';

export function changePasswordEndpoints(flow: ChangePassword): readonly Endpoint[] {
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
        'because the session stays valid.',
      auth: { principals: ['session'] },
      rateLimit: 'credential',
      request: {
        body: z.strictObject({
          // A password that an older policy accepted must still be accepted here, so that only its size is validated.
          currentPassword: z.string().min(1).max(1024),
          newPassword: passwordInput,
        }),
      },
      response: { status: 200, message: 'Password changed', data: issuedSessionData, example: issuedSessionExample },
      problems: ['invalid_password', 'busy'],
      handler: async ({ body, principal, caller }) => {
        const issued = await changePassword(flow, body, principal, caller);
        return issuedSessionResponse(issued);
      },
    }),
  ];
}
