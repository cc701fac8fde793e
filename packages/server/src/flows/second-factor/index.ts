/**
 * The second factor of a login. Owns `POST /api/v1/auth/login/second-factor`, `…/second-factor/options`, the pages
 * `/login/second-factor` and `/login/recovery-code`, and the mails `second_factor_failed` and `recovery_code_used`; no
 * tables.
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
import { requestOptionsData, requestOptionsDataOf, requestOptionsExample } from '#pages/passkey-data.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { authenticationResponseSchema } from '#protocol/webauthn/index.ts';
import { type SecondFactorPages, secondFactorPages } from './pages.ts';
import { secondFactorByPasskey, secondFactorOptions } from './passkey.ts';
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
        'Takes the `ticket` of a login that returned `step: "second_factor"`, and one of: the `code` of the authenticator app, ' +
        'a `recoveryCode`, or the response of a `passkey` to the options of this ticket. The response is that of a login. ' +
        'After a wrong proof the ticket can be used again.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      countsUse: ({ passkey }) => passkey === undefined,
      request: {
        body: z
          .strictObject({
            ticket: z.string().min(1).max(200),
            deviceToken: z.string().max(200).optional(),
            ...secondFactorFields,
            passkey: authenticationResponseSchema.optional(),
          })
          .refine(({ passkey, code, recoveryCode }) => {
            if (passkey !== undefined) return code === undefined && recoveryCode === undefined;
            return typedSecondFactor({ code, recoveryCode }) !== undefined;
          }, 'Send one of "code", "recoveryCode" and "passkey".'),
      },
      response: { status: 200, message: 'Logged in', data: loginResultData, example: issuedSessionExample },
      problems: [
        'invalid_ticket',
        'invalid_code',
        'invalid_passkey',
        'unknown_passkey',
        'passkeys_unavailable',
        'login_incomplete',
        'email_not_verified',
      ],
      handler: async ({ body, caller, use: quota }) => {
        const { ticket, deviceToken = caller.deviceCookie, passkey } = body;
        if (passkey !== undefined) {
          return loginResponse(await secondFactorByPasskey(flow, { ticket, deviceToken, passkey, quota }, caller));
        }
        const typed = typedSecondFactor(body);
        return loginResponse(await secondFactor(flow, { ticket, deviceToken, typed, quota }, caller));
      },
    }),
    optionsEndpoint(flow),
    ...secondFactorPages(flow),
  ];
}

function optionsEndpoint(flow: SecondFactorPages): Endpoint {
  return apiEndpoint({
    id: 'login.second_factor_options',
    method: 'POST',
    path: '/api/v1/auth/login/second-factor/options',
    tag: 'login',
    summary: 'Begin to prove a passkey as second factor',
    description:
      'Returns the options for `navigator.credentials.get()`, for this ticket, valid for ten minutes and once.',
    auth: { principals: ['public'] },
    rateLimit: 'credential',
    request: { body: z.strictObject({ ticket: z.string().min(1).max(200) }) },
    response: {
      status: 200,
      message: 'Options',
      data: z.object({ publicKey: requestOptionsData }),
      example: { publicKey: requestOptionsExample },
    },
    problems: ['invalid_ticket', 'passkey_not_found', 'passkeys_unavailable'],
    handler: async ({ body }) => ({
      data: { publicKey: requestOptionsDataOf(await secondFactorOptions(flow, { text: body.ticket })) },
    }),
  });
}
