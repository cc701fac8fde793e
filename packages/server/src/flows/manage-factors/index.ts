/**
 * The user's own second factors. Owns `/api/v1/users/me/factors`, `/api/v1/users/me/mfa`, `/api/v1/users/me/totp`,
 * `/api/v1/users/me/recovery-codes`, the pages of `/account/security`, and their mails; no tables.
 *
 * Invariants:
 * - Every change needs a recent proof (step-up), and mails the user.
 * - A rule that gets stricter, or a factor that goes, raises the epoch: every other session, ticket, link and known device
 *   is revoked, and the acting session is renewed (invariant 4).
 * - Secrets and codes are shown once, in the response that made them.
 */
import { z } from 'zod';
import { totpCodeInput } from '#domain/authentication/index.ts';
import { issuedSessionData, issuedSessionExample, issuedSessionResponse } from '#pages/login-result.ts';
import { passkeyData, passkeyDataOf, passkeyExample } from '#pages/passkey-data.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { qrSvg } from '#protocol/totp/index.ts';
import {
  beginOwnTotp,
  describeFactors,
  finishTotp,
  type ManageFactors,
  removeTotp,
  replaceRecoveryCodes,
} from './manage-factors.ts';
import { type FactorPages, factorPages } from './pages.ts';

import { setMfa } from './set-mfa.ts';

export type { FactorPages } from './pages.ts';

const totpPath = '/api/v1/users/me/totp';
const recoveryCodes = z.array(z.string());
const exampleCodes = ['8K3F2A-9QTZ4M-7HXW1C-5NBD6R', '0V2J8P-EG4S7K-QM91TZ-C6XY3H'];

export function manageFactorsEndpoints(flow: FactorPages): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds };
  const recently = { principals: ['session'], stepUp } as const;
  return [
    listEndpoint(flow),
    mfaEndpoint(flow, recently),
    ...totpEndpoints(flow, recently),
    apiEndpoint({
      id: 'recovery_codes.make',
      method: 'POST',
      path: '/api/v1/users/me/recovery-codes',
      tag: 'account',
      summary: 'Make new recovery codes',
      description:
        'The earlier codes end. Show the new ones once and let the user keep them: nothing can read them again.',
      auth: recently,
      rateLimit: 'authenticated',
      request: {},
      response: {
        status: 200,
        message: 'Recovery codes made',
        data: z.object({ recoveryCodes }),
        example: { recoveryCodes: exampleCodes },
      },
      problems: ['no_second_factor'],
      handler: async ({ principal, caller }) => ({
        data: { recoveryCodes: [...(await replaceRecoveryCodes(flow, principal, caller))] },
      }),
    }),
    ...factorPages(flow, stepUp),
  ];
}

function listEndpoint(flow: ManageFactors): Endpoint {
  return apiEndpoint({
    id: 'factors.list',
    method: 'GET',
    path: '/api/v1/users/me/factors',
    tag: 'account',
    summary: 'My second factors',
    auth: { principals: ['session'] },
    rateLimit: 'authenticated',
    request: {},
    response: {
      status: 200,
      message: 'Second factors',
      data: z.object({
        totp: z.object({ confirmedAt: z.iso.datetime(), lastUsedAt: z.iso.datetime().nullable() }).nullable(),
        recoveryCodes: z.object({ unused: z.int(), createdAt: z.iso.datetime() }).nullable(),
        passkeys: z.array(passkeyData),
      }),
      example: {
        totp: { confirmedAt: exampleValues.createdAt, lastUsedAt: exampleValues.authTime },
        recoveryCodes: { unused: 10, createdAt: exampleValues.createdAt },
        passkeys: [passkeyExample],
      },
    },
    problems: [],
    handler: async ({ principal }) => {
      const { totp, recoveryCodes: codes, passkeys } = await describeFactors(flow, principal);
      const iso = (time: Date | null) => time?.toISOString() ?? null;
      return {
        data: {
          totp:
            totp === undefined
              ? null
              : { confirmedAt: totp.confirmedAt.toISOString(), lastUsedAt: iso(totp.lastUsedAt) },
          recoveryCodes:
            codes === undefined ? null : { unused: codes.unused, createdAt: codes.createdAt.toISOString() },
          passkeys: passkeys.map(passkeyDataOf),
        },
      };
    },
  });
}

interface Recently {
  readonly principals: readonly ['session'];
  readonly stepUp: { readonly withinSeconds: number };
}

function mfaEndpoint(flow: ManageFactors, recently: Recently): Endpoint {
  return apiEndpoint({
    id: 'factors.set_mfa',
    method: 'PUT',
    path: '/api/v1/users/me/mfa',
    tag: 'account',
    summary: 'Turn two-step sign-in on or off',
    description:
      'For a user who has a second factor set up, which stays. A change ends every other session, and this one continues ' +
      'under a new id: the response then has its tokens or cookies. Where this service requires a second factor of the ' +
      'user, turning it off is 409 `second_factor_required`.',
    auth: recently,
    rateLimit: 'authenticated',
    request: { body: z.strictObject({ enabled: z.boolean() }) },
    response: {
      status: 200,
      message: 'Two-step sign-in is set',
      data: issuedSessionData
        .partial({ userId: true, sessionId: true, expiresAt: true })
        .extend({ enabled: z.boolean() }),
      example: { enabled: true, ...issuedSessionExample },
    },
    problems: ['no_second_factor', 'second_factor_required'],
    handler: async ({ body: { enabled }, principal, caller }) => {
      const issued = await setMfa(flow, enabled, principal, caller);
      if (issued === undefined) return { data: { enabled } };
      const { data, cookies } = issuedSessionResponse(issued);
      return { data: { enabled, ...data }, cookies };
    },
  });
}

function beginTotpEndpoint(flow: ManageFactors, recently: Recently): Endpoint {
  return apiEndpoint({
    id: 'totp.begin',
    method: 'POST',
    path: totpPath,
    tag: 'account',
    summary: 'Begin to set up an authenticator app',
    description:
      'Returns a new secret (RFC 6238: SHA-1, six digits, 30 seconds). It becomes a factor when its first code is confirmed; ' +
      'until then an earlier app stays as it is.',
    auth: recently,
    rateLimit: 'authenticated',
    request: {},
    response: {
      status: 200,
      message: 'Confirm it with a code',
      data: z.object({ secret: z.string(), uri: z.string(), qrSvg: z.string() }),
      example: {
        secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
        uri: 'otpauth://totp/auth.example.com:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=auth.example.com',
        qrSvg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 45 45">…</svg>',
      },
    },
    problems: [],
    handler: async ({ principal }) => {
      const { secret, uri } = await beginOwnTotp(flow, principal);
      return { data: { secret, uri, qrSvg: qrSvg(uri) } };
    },
  });
}

function totpEndpoints(flow: ManageFactors, recently: Recently): readonly Endpoint[] {
  return [
    beginTotpEndpoint(flow, recently),
    apiEndpoint({
      id: 'totp.confirm',
      method: 'POST',
      path: `${totpPath}/confirm`,
      tag: 'account',
      summary: 'Confirm an authenticator app',
      description:
        'Turns two-step sign-in on. Every other session ends, and this one continues under a new id. The first time the ' +
        'response also contains the recovery codes, which nothing can read again.',
      auth: recently,
      rateLimit: 'credential',
      request: { body: z.strictObject({ code: totpCodeInput }) },
      response: {
        status: 200,
        message: 'Two-step sign-in is on',
        data: issuedSessionData.extend({ recoveryCodes: recoveryCodes.optional() }),
        example: { ...issuedSessionExample, recoveryCodes: exampleCodes },
      },
      problems: ['enrollment_expired', 'invalid_code'],
      handler: async ({ body, principal, caller }) => {
        const { issued, recoveryCodes: codes } = await finishTotp(flow, body.code, principal, caller);
        const { data, cookies } = issuedSessionResponse(issued);
        return { data: codes === undefined ? data : { ...data, recoveryCodes: [...codes] }, cookies };
      },
    }),
    apiEndpoint({
      id: 'totp.remove',
      method: 'DELETE',
      path: totpPath,
      tag: 'account',
      summary: 'Remove the authenticator app',
      description:
        'Ends every other session. Unless a passkey or security key is left, it also turns two-step sign-in off and ends the ' +
        'recovery codes; where this service requires a second factor of the user, it is 409 `second_factor_required`.',
      auth: recently,
      rateLimit: 'authenticated',
      request: {},
      response: {
        status: 200,
        message: 'Authenticator app removed',
        data: issuedSessionData,
        example: issuedSessionExample,
      },
      problems: ['no_second_factor', 'second_factor_required'],
      handler: async ({ principal, caller }) => issuedSessionResponse(await removeTotp(flow, principal, caller)),
    }),
  ];
}
