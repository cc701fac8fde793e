/**
 * Login by password. Owns `POST /api/v1/auth/login`, the pages `/login` and `/login/choose`, and the job and mail that report failed logins.
 *
 * Invariants:
 * - The statement that reads the user counts the attempt as failed, before the hash is computed (invariant 2).
 * - An unknown address and a wrong password get the same response for the same work (invariant 13).
 *
 * Must not decide what a right password leads to: the gate (`domain/authentication`) does.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { issuedSessionExample, loginResponse, loginResultData } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint, refuseForeignCookies } from '#platform/http/index.ts';
import { login } from './login.ts';
import { type LoginPages, loginPages } from './pages.ts';

export { failedLoginNoticeHandler } from './failed-login-notice.ts';
export { type SignInForm, signInPage } from './form.ts';
export type { Login } from './login.ts';
export type { LoginPages } from './pages.ts';

export function loginEndpoints(flow: LoginPages): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'login.password',
      method: 'POST',
      path: '/api/v1/auth/login',
      tag: 'login',
      summary: 'Log in with email and password',
      description:
        'With `transport: "token"` the response contains tokens; with `"cookie"` it sets the session cookie instead, which ' +
        'only pages of this origin may request. ' +
        '`deviceToken` (or its cookie) from an earlier login makes this a known device. ' +
        'A response with `step` is not a completed login: there is no session, and `ticket` (ten minutes, single use) goes ' +
        'to the endpoint of that step: for `second_factor` it is `POST /api/v1/auth/login/second-factor`, for ' +
        '`cancel_deletion` `POST /api/v1/auth/cancel-deletion`.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      limitedBy: (body) => body.email.canonical,
      countsUse: true,
      request: {
        body: z.strictObject({
          email: emailInput,
          // A password that an older policy accepted must still log in, so that only its size is validated.
          password: z.string().min(1).max(1024),
          transport: z.enum(['cookie', 'token']).default('token'),
          deviceToken: z.string().max(200).optional(),
        }),
      },
      response: { status: 200, message: 'Logged in', data: loginResultData, example: issuedSessionExample },
      problems: ['invalid_credentials', 'email_not_verified', 'account_disabled', 'busy'],
      handler: async ({ body, caller, use: quota }) => {
        if (body.transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
        const attempt = {
          canonical: body.email.canonical,
          password: body.password,
          transport: body.transport,
          deviceToken: body.deviceToken ?? caller.deviceCookie,
          quota,
        };
        return loginResponse(await login(flow, attempt, caller));
      },
    }),
    ...loginPages(flow),
  ];
}
