/**
 * Login by a passkey. Owns `POST /api/v1/auth/login/passkey/options`, `POST /api/v1/auth/login/passkey`, the page
 * `/login/passkey` and the script of pages with passkeys; no tables.
 *
 * Invariants:
 * - The options depend on no user and store nothing. They are for the browser that requested them, by a secret in its cookie
 *   or in the body.
 * - An assertion is used once (invariant 1). As a first factor it must verify the user.
 *
 * Must not decide what an assertion leads to: the gate (`domain/authentication`) does.
 */
import { z } from 'zod';
import { issuedSessionExample, loginResponse, loginResultData } from '#pages/login-result.ts';
import { requestOptionsData, requestOptionsDataOf, requestOptionsExample } from '#pages/passkey-data.ts';
import { apiEndpoint, type Endpoint, exampleValues, refuseForeignCookies } from '#platform/http/index.ts';
import { authenticationResponseSchema } from '#protocol/webauthn/index.ts';
import { type LoginByPasskey, loginByPasskey, passkeyOptions } from './login-by-passkey.ts';
import { type PasskeyPages, passkeyPages } from './pages.ts';

export type { PasskeyPages } from './pages.ts';

const path = '/api/v1/auth/login/passkey';
const browserToken = z.string().min(1).max(200).optional();
const transport = z.enum(['cookie', 'token']).default('token');

export function loginByPasskeyEndpoints(flow: PasskeyPages): readonly Endpoint[] {
  return [optionsEndpoint(flow), loginEndpoint(flow), ...passkeyPages(flow)];
}

function optionsEndpoint(flow: LoginByPasskey): Endpoint {
  return apiEndpoint({
    id: 'login.passkey_options',
    method: 'POST',
    path: `${path}/options`,
    tag: 'login',
    summary: 'Begin a login by passkey',
    description:
      'Returns the options for `navigator.credentials.get()`, the same for everyone, valid for ten minutes and once. With ' +
      '`transport: "token"` the response contains `browserToken`, which the login must send; with `"cookie"` it is a cookie. ' +
      'An application that requests options again sends the `browserToken` that it has.',
    auth: { principals: ['public'] },
    rateLimit: 'public',
    request: { body: z.strictObject({ transport, browserToken }) },
    response: {
      status: 200,
      message: 'Options',
      data: z.object({ publicKey: requestOptionsData, browserToken: z.string().optional() }),
      example: { publicKey: requestOptionsExample, browserToken: exampleValues.browserToken },
    },
    problems: ['passkeys_unavailable'],
    handler: ({ body, caller }) => {
      if (body.transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
      const browserSecret = body.transport === 'cookie' ? caller.loginCookie : body.browserToken;
      const options = passkeyOptions(flow, { transport: body.transport, browserSecret });
      const token = options.browserToken === undefined ? {} : { browserToken: options.browserToken };
      return { data: { publicKey: requestOptionsDataOf(options.publicKey), ...token }, cookies: options.cookies };
    },
  });
}

function loginEndpoint(flow: LoginByPasskey): Endpoint {
  return apiEndpoint({
    id: 'login.passkey',
    method: 'POST',
    path,
    tag: 'login',
    summary: 'Log in with a passkey',
    description:
      'Takes the response of the authenticator as `credential.toJSON()` returns it, and the `browserToken` of its options, or ' +
      'the cookie. Returns the same as `POST /api/v1/auth/login`, including `step`. The session has two factors, so no ' +
      'second one is asked for.',
    auth: { principals: ['public'] },
    rateLimit: 'credential',
    request: {
      body: z.strictObject({
        credential: authenticationResponseSchema,
        browserToken,
        transport,
        deviceToken: z.string().max(200).optional(),
      }),
    },
    response: { status: 200, message: 'Logged in', data: loginResultData, example: issuedSessionExample },
    problems: ['passkeys_unavailable', 'invalid_passkey', 'unknown_passkey', 'account_disabled', 'email_not_verified'],
    handler: async ({ body, caller }) => {
      if (body.transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
      const presented = {
        credential: body.credential,
        browserSecret: body.browserToken ?? caller.loginCookie,
        transport: body.transport,
        deviceToken: body.deviceToken ?? caller.deviceCookie,
      };
      return loginResponse(await loginByPasskey(flow, presented, caller));
    },
  });
}
