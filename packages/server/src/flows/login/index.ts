/**
 * Logging in with a password. Owns `POST /api/v1/auth/login`.
 * The attempt is reserved before the hash is computed, by the statement that reads the user (invariant 2); a session
 * exists only after `nextStep` says `done`; wrong address and wrong password get the same answer for the same work.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { loginResponse, loginResultData, loginResultExample } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint, refuseForeignCookies } from '#platform/http/index.ts';
import { type Login, login } from './login.ts';

export { failedLoginNoticeHandler } from './failed-login-notice.ts';
export type { Login } from './login.ts';

/** The endpoints of this flow. */
export function loginEndpoints(flow: Login): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'login.password',
      method: 'POST',
      path: '/api/v1/auth/login',
      tag: 'login',
      summary: 'Log in with address and password',
      description:
        'With `transport: "token"` the answer holds tokens; with `"cookie"` it sets the session cookie and holds none; ' +
        'that is for pages of this origin only. ' +
        '`deviceToken` (or its cookie) from an earlier login makes this a known device. ' +
        'When the answer has `step`, the login is not done: there is no session, and `ticket` (ten minutes, one use) goes ' +
        'to the endpoint of that step; `cancel_deletion` is `POST /api/v1/auth/cancel-deletion`.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      limitedBy: (body) => body.email.canonical,
      countsUse: true,
      request: {
        body: z.strictObject({
          email: emailInput,
          // Whatever was accepted once must be accepted here, so only the size is asked.
          password: z.string().min(1).max(1024),
          transport: z.enum(['cookie', 'token']).default('token'),
          deviceToken: z.string().max(200).optional(),
        }),
      },
      response: { status: 200, message: 'Logged in', data: loginResultData, example: loginResultExample },
      problems: ['invalid_credentials', 'email_not_verified', 'account_disabled', 'login_incomplete', 'busy'],
      handler: async ({ body, caller, use }) => {
        if (body.transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
        const attempt = {
          canonical: body.email.canonical,
          password: body.password,
          transport: body.transport,
          deviceToken: body.deviceToken ?? caller.deviceCookie,
          use,
        };
        return loginResponse(await login(flow, attempt, caller));
      },
    }),
  ];
}
