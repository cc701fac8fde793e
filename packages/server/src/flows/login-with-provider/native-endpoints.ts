/** `/api/v1/auth/login/id-token`: for native applications, which get an ID token from the provider's SDK. */
import { z } from 'zod';
import { newNativeNonce } from '#domain/federated-identities/index.ts';
import { emailInput } from '#domain/identifiers/index.ts';
import { issuedSessionExample, loginResponse, loginResultData } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import type { LoginWithProvider } from './at-provider.ts';
import { loginByIdToken, type NativeLogin } from './native.ts';

const path = '/api/v1/auth/login/id-token';

export function nativeEndpoints(flow: LoginWithProvider): readonly Endpoint[] {
  return [nonceEndpoint(flow), loginEndpoint(flow)];
}

function nonceEndpoint(flow: LoginWithProvider): Endpoint {
  return apiEndpoint({
    id: 'login.id_token_nonce',
    method: 'POST',
    path: `${path}/nonce`,
    tag: 'login',
    summary: 'Begin a login by an ID token',
    description: 'Returns the nonce for the SDK of the provider, valid for ten minutes and once.',
    auth: { principals: ['public'] },
    rateLimit: 'public',
    request: {},
    response: {
      status: 200,
      message: 'Nonce',
      data: z.object({ nonce: z.string() }),
      example: { nonce: 'AZqYvFk0Zr1YbJ0o1s0m4v2mV8mQ4d7g2m8iZt5pQ0hJr3sXy9cK1LwN6uTeBfDa0GiHoPjR' },
    },
    problems: [],
    handler: () => ({ data: { nonce: newNativeNonce(flow.keys, flow.clock.now()) } }),
  });
}

function loginEndpoint(flow: LoginWithProvider): Endpoint {
  return apiEndpoint({
    id: 'login.id_token',
    method: 'POST',
    path,
    tag: 'login',
    summary: 'Log in with the ID token of a provider',
    description:
      'For native applications. Returns the same as `POST /api/v1/auth/login`, including `step`. An unknown person whose email the ' +
      'provider proves gets an account. Any other one gets `step: "verify_email"` with a ticket: send it with the code of the ' +
      'mail to `POST /api/v1/auth/verify-email`.',
    auth: { principals: ['public'] },
    rateLimit: 'credential',
    request: {
      body: z.strictObject({
        provider: z.string().max(32),
        idToken: z.string().max(8192),
        nonce: z.string().max(200),
        email: emailInput.optional(),
        deviceToken: z.string().max(200).optional(),
      }),
    },
    response: {
      status: 200,
      message: 'Logged in',
      data: loginResultData.extend({ step: loginResultData.shape.step.or(z.literal('verify_email')) }),
      example: issuedSessionExample,
    },
    problems: [
      'not_enabled',
      'invalid_provider_login',
      'identity_suspended',
      'account_disabled',
      'account_exists',
      'email_required',
      'email_not_verified',
      'registration_closed',
      'email_domain_not_allowed',
      'registration_refused',
    ],
    handler: async ({ body, caller }) => {
      const { email, deviceToken = caller.deviceCookie, ...rest } = body;
      return responseOf(await loginByIdToken(flow, { ...rest, email, deviceToken }, caller));
    },
  });
}

function responseOf(login: NativeLogin) {
  if (login.kind === 'login') return loginResponse(login.result);
  const { text: ticket, expiresAt } = login.ticket;
  const data = { step: 'verify_email' as const, ticket, ticketExpiresAt: expiresAt.toISOString() };
  return { data, message: 'A further step is needed' };
}
