/**
 * Step-up of a session (RFC 9470). Owns `GET` and `POST /api/v1/auth/step-up`, `POST /api/v1/auth/step-up/options`, `POST
 * /api/v1/auth/step-up/email-code`, the page `/step-up` and the mail `mailbox_code`; no tables.
 *
 * Invariants:
 * - A user with two factors turned on steps up by a second one, and by nothing less. A user with neither that nor a password
 *   can step up by a code that is mailed to the verified address, and that only this session can use.
 * - The session goes on under a new id with new secrets; the old one ends in the same transaction. A response that is lost
 *   on the way therefore ends the session: log in again.
 * - An attempt at a password or code is counted before it is compared, in the counter for known devices (invariant 2).
 */
import { z } from 'zod';
import { mailboxCodeSeconds, secondFactorFields, typedSecondFactor } from '#domain/authentication/index.ts';
import { issuedSessionData, issuedSessionExample, issuedSessionResponse } from '#pages/login-result.ts';
import { requestOptionsData, requestOptionsDataOf, requestOptionsExample } from '#pages/passkey-data.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { codePattern } from '#protocol/digit-code/index.ts';
import { authenticationResponseSchema } from '#protocol/webauthn/index.ts';
import { type StepUpPages, stepUpPages } from './pages.ts';
import { acceptedFactors, requestCode, type StepUp, stepUp, stepUpOptions, type TypedProof } from './step-up.ts';

export type { StepUpPages } from './pages.ts';

const path = '/api/v1/auth/step-up';

const fields = z.strictObject({
  password: z.string().min(1).max(1024).optional(),
  emailCode: z.string().regex(codePattern).optional(),
  ...secondFactorFields,
  passkey: authenticationResponseSchema.optional(),
});

const input = fields.refine(
  (body) => typedProof(body) !== undefined,
  'Send one of "password", "emailCode", "code", "recoveryCode" and "passkey".',
);

/** Returns undefined unless exactly one of the fields is there. */
function typedProof(body: z.output<typeof fields>): TypedProof | undefined {
  if (Object.values(body).filter((value) => value !== undefined).length !== 1) return undefined;
  const { password, emailCode, passkey, ...codes } = body;
  if (password !== undefined) return { kind: 'password', password };
  if (passkey !== undefined) return { kind: 'passkey', passkey };
  return emailCode === undefined ? typedSecondFactor(codes) : { kind: 'mailbox_code', code: emailCode };
}

/** The names of the proofs in a response; the fields of the request are like them. */
const factorNames = {
  passkey: 'passkey',
  password: 'password',
  totp: 'totp',
  recovery_code: 'recovery_code',
  mailbox_code: 'email_code',
} as const;

export function stepUpEndpoints(flow: StepUpPages): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'step_up.options',
      method: 'GET',
      path,
      tag: 'session',
      summary: 'The proofs that a step-up accepts',
      description:
        'With an empty list, log in again: a login counts as a step-up. For `email_code`, request the code first.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: {
        status: 200,
        message: 'Accepted proofs',
        data: z.object({ factors: z.array(z.enum(Object.values(factorNames))) }),
        example: { factors: ['totp', 'recovery_code'] },
      },
      problems: [],
      handler: async ({ principal }) => {
        const factors = await acceptedFactors(flow, principal);
        return { data: { factors: factors.map((factor) => factorNames[factor]) } };
      },
    }),
    askCodeEndpoint(flow),
    passkeyOptionsEndpoint(flow),
    apiEndpoint({
      id: 'step_up.prove',
      method: 'POST',
      path,
      tag: 'session',
      summary: 'Confirm that it is me',
      description:
        'Some operations need a recent proof, and answer 401 `step_up_required` without one. The session continues under a ' +
        'new id: the response is that of a login, and the old tokens or cookies are revoked.',
      auth: { principals: ['session'] },
      rateLimit: 'credential',
      request: { body: input },
      response: { status: 200, message: 'Confirmed', data: issuedSessionData, example: issuedSessionExample },
      problems: [
        'invalid_password',
        'invalid_code',
        'invalid_passkey',
        'unknown_passkey',
        'passkeys_unavailable',
        'login_incomplete',
        'busy',
      ],
      handler: async ({ body, principal, caller }) => {
        const typed = typedProof(body);
        if (typed === undefined) throw new Error('the schema requires a proof');
        return issuedSessionResponse(await stepUp(flow, typed, principal, caller));
      },
    }),
    ...stepUpPages(flow),
  ];
}

function askCodeEndpoint(flow: StepUp): Endpoint {
  return apiEndpoint({
    id: 'step_up.ask_code',
    method: 'POST',
    path: `${path}/email-code`,
    tag: 'session',
    summary: 'Request a code to confirm that it is me',
    description:
      'For a user without a password and without a second factor. The code goes to the verified email, and only this ' +
      'session can use it. Only the newest one is valid.',
    auth: { principals: ['session'] },
    rateLimit: 'mail',
    request: {},
    response: {
      status: 202,
      message: 'Code sent',
      data: z.object({ status: z.literal('code_sent'), expiresIn: z.int().positive() }),
      example: { status: 'code_sent', expiresIn: 600 },
    },
    problems: ['login_incomplete'],
    handler: async ({ principal, caller }) => {
      await requestCode(flow, principal, caller);
      return { data: { status: 'code_sent' as const, expiresIn: mailboxCodeSeconds } };
    },
  });
}

function passkeyOptionsEndpoint(flow: StepUp): Endpoint {
  return apiEndpoint({
    id: 'step_up.passkey_options',
    method: 'POST',
    path: `${path}/options`,
    tag: 'session',
    summary: 'Begin to step up by a passkey',
    description:
      'Returns the options for `navigator.credentials.get()`, for this session, valid for ten minutes and once.',
    auth: { principals: ['session'] },
    rateLimit: 'authenticated',
    request: {},
    response: {
      status: 200,
      message: 'Options',
      data: z.object({ publicKey: requestOptionsData }),
      example: { publicKey: requestOptionsExample },
    },
    problems: ['passkey_not_found', 'passkeys_unavailable'],
    handler: async ({ principal }) => ({
      data: { publicKey: requestOptionsDataOf(await stepUpOptions(flow, principal)) },
    }),
  });
}
