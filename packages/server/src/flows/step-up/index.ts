/**
 * Step-up of a session (RFC 9470). Owns `POST /api/v1/auth/step-up` and `GET /api/v1/auth/step-up`; no tables.
 *
 * Invariants:
 * - A user with a second factor steps up by it, and by nothing less.
 * - The session goes on under a new id with new secrets; the old one ends in the same transaction. A response that is lost
 *   on the way therefore ends the session: log in again.
 * - An attempt is counted before it is compared, in the counter for known devices (invariant 2).
 */
import { z } from 'zod';
import { secondFactorFields, typedSecondFactor } from '#domain/authentication/index.ts';
import { issuedSessionData, issuedSessionExample, issuedSessionResponse } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { acceptedFactors, type StepUp, stepUp, type TypedProof } from './step-up.ts';

export type { StepUp } from './step-up.ts';

const path = '/api/v1/auth/step-up';

const input = z
  .strictObject({ password: z.string().min(1).max(1024).optional(), ...secondFactorFields })
  .refine((body) => typedProof(body) !== undefined, {
    message: 'Send one of "password", "code" and "recoveryCode".',
  });

function typedProof(body: {
  readonly password?: string | undefined;
  readonly code?: string | undefined;
  readonly recoveryCode?: string | undefined;
}): TypedProof | undefined {
  const { password, ...rest } = body;
  if (password === undefined) return typedSecondFactor(rest);
  return rest.code === undefined && rest.recoveryCode === undefined ? { kind: 'password', password } : undefined;
}

export function stepUpEndpoints(flow: StepUp): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'step_up.options',
      method: 'GET',
      path,
      tag: 'session',
      summary: 'The proofs that a step-up accepts',
      description: 'With an empty list, log in again: a login counts as a step-up.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: {
        status: 200,
        message: 'Accepted proofs',
        data: z.object({ factors: z.array(z.enum(['password', 'totp', 'recovery_code'])) }),
        example: { factors: ['totp', 'recovery_code'] },
      },
      problems: [],
      handler: async ({ principal }) => ({ data: { factors: [...(await acceptedFactors(flow, principal))] } }),
    }),
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
      problems: ['invalid_password', 'invalid_code', 'login_incomplete', 'busy'],
      handler: async ({ body, principal, caller }) => {
        const typed = typedProof(body);
        if (typed === undefined) throw new Error('the schema requires a proof');
        return issuedSessionResponse(await stepUp(flow, typed, principal, caller));
      },
    }),
  ];
}
