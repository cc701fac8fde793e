/**
 * The second factor of a login. Owns `POST /api/v1/auth/login/second-factor`, the pages `/login/second-factor` and
 * `/login/recovery-code`, and the mails `second_factor_failed` and `recovery_code_used`; no tables.
 *
 * Invariants:
 * - A guess is counted before it is compared, for all logins of the user together (invariant 2): at most eight in fifteen
 *   minutes. A wrong one leaves the ticket usable.
 * - The counter of passwords is not touched. A known device has a counter of its own.
 *
 * Must not decide what a right code leads to: the gate (`domain/authentication`) does.
 */
import { z } from 'zod';
import { secondFactorFields, typedSecondFactor } from '#domain/authentication/index.ts';
import { issuedSessionExample, loginResponse, loginResultData } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type SecondFactorPages, secondFactorPages } from './pages.ts';
import { secondFactor } from './second-factor.ts';

export type { SecondFactorPages } from './pages.ts';

export function secondFactorEndpoints(flow: SecondFactorPages): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'login.second_factor',
      method: 'POST',
      path: '/api/v1/auth/login/second-factor',
      tag: 'login',
      summary: 'Prove the second factor of a login',
      description:
        'Takes the `ticket` of a login that returned `step: "second_factor"`, and either the `code` of the authenticator app ' +
        'or a `recoveryCode`. The response is that of a login. After a wrong code the ticket can be used again.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      request: {
        body: z
          .strictObject({
            ticket: z.string().min(1).max(200),
            deviceToken: z.string().max(200).optional(),
            ...secondFactorFields,
          })
          .refine((body) => typedSecondFactor(body) !== undefined, {
            message: 'Send either "code" or "recoveryCode".',
          }),
      },
      response: { status: 200, message: 'Logged in', data: loginResultData, example: issuedSessionExample },
      problems: ['invalid_ticket', 'invalid_code', 'login_incomplete', 'email_not_verified'],
      handler: async ({ body, caller }) => {
        const { ticket, deviceToken = caller.deviceCookie } = body;
        const typed = typedSecondFactor(body);
        return loginResponse(await secondFactor(flow, { ticket, deviceToken, typed }, caller));
      },
    }),
    ...secondFactorPages(flow),
  ];
}
