/**
 * Changing one's password. Owns `POST /api/v1/users/me/password`.
 * The current password is asked for like at a login: the attempt is counted before the hash is computed, under the same
 * counter, so that a stolen session gives no free guesses (invariant 2). The session that asks goes on as a new one with
 * new secrets; every other session, link, ticket and known device ends; API keys stay (invariant 4). The new password may be
 * the old one: that ends everything else and renews the secrets all the same.
 */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { issuedSessionData, issuedSessionExample, issuedSessionResponse } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type ChangePassword, changePassword } from './change-password.ts';

export type { ChangePassword } from './change-password.ts';

/** The endpoints of this flow. */
export function changePasswordEndpoints(flow: ChangePassword): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'password.change',
      method: 'POST',
      path: '/api/v1/users/me/password',
      tag: 'account',
      summary: 'Change my password',
      description:
        'Ends every other session. This one goes on under a new id: the answer is that of a login, with new tokens or ' +
        'new cookies, and the old ones are dead. A wrong `currentPassword` is 403 `invalid_password`, not 401: the ' +
        'session lives on.',
      auth: { principals: ['session'] },
      rateLimit: 'credential',
      request: {
        body: z.strictObject({
          // Whatever was accepted once must be accepted here, so only the size is asked.
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
