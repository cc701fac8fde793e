/**
 * The user's own passkeys and security keys. Owns `/api/v1/users/me/passkeys`, `/api/v1/users/me/passkey-options`, the pages
 * `/account/security/add-passkey` and `/account/security/remove-passkey`, and their mails; no tables.
 *
 * Invariants:
 * - Every change needs a recent proof (step-up), and each passkey that comes or goes mails the user.
 * - A further passkey revokes nothing and turns nothing on: a browser may have made it without a question. A security key
 *   turns two-step sign-in on.
 * - A passkey that goes raises the epoch (invariant 4).
 * - The passkey of another user gets the same 404 as an unknown id.
 */
import { z } from 'zod';
import { nameInput } from '#domain/users/index.ts';
import { issuedSessionData, issuedSessionExample, issuedSessionResponse } from '#pages/login-result.ts';
import {
  creationOptionsData,
  creationOptionsDataOf,
  creationOptionsExample,
  passkeyData,
  passkeyDataOf,
  passkeyExample,
  signalData,
  signalExample,
  signalOf,
} from '#pages/passkey-data.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { registrationResponseSchema } from '#protocol/webauthn/index.ts';
import { type AddedPasskey, addOwn, optionsOf } from './add.ts';
import { changeOwn, listOwn, type ManagePasskeys, type OwnPasskeys } from './manage-passkeys.ts';
import { type OwnPasskeyPages, ownPasskeyPages } from './pages.ts';
import { removeOwn } from './remove.ts';

export type { OwnPasskeyPages } from './pages.ts';

const path = '/api/v1/users/me/passkeys';
const kind = z.enum(['passkey', 'security_key']).default('passkey');
const params = z.strictObject({ id: z.uuid() });
const exampleCodes = ['8K3F2A-9QTZ4M-7HXW1C-5NBD6R', '0V2J8P-EG4S7K-QM91TZ-C6XY3H'];

const change = z
  .strictObject({ name: nameInput.optional(), suspended: z.literal(false).optional() })
  .refine(({ name, suspended }) => name !== undefined || suspended !== undefined, 'Send "name" or "suspended".')
  .meta({ minProperties: 1 });

interface Recently {
  readonly principals: readonly ['session'];
  readonly stepUp: { readonly withinSeconds: number };
}

export function managePasskeysEndpoints(flow: OwnPasskeyPages): readonly Endpoint[] {
  const recently = { principals: ['session'], stepUp: { withinSeconds: flow.stepUpSeconds } } as const;
  return [
    listEndpoint(flow),
    ...addEndpoints(flow, recently),
    ...changeEndpoints(flow, recently),
    ...ownPasskeyPages(flow),
  ];
}

function listEndpoint(flow: ManagePasskeys): Endpoint {
  return apiEndpoint({
    id: 'passkeys.list',
    method: 'GET',
    path,
    tag: 'account',
    summary: 'My passkeys and security keys, oldest first',
    description:
      '`signal` is for `PublicKeyCredential.signalAllAcceptedCredentials()`; it is absent without a passkey.',
    auth: { principals: ['session'] },
    rateLimit: 'authenticated',
    request: {},
    response: {
      status: 200,
      message: 'Passkeys',
      data: z.object({ passkeys: z.array(passkeyData), signal: signalData.optional() }),
      example: { passkeys: [passkeyExample], signal: signalExample },
    },
    problems: [],
    handler: async ({ principal }) => {
      const own = await listOwn(flow, principal);
      return { data: { passkeys: own.passkeys.map(passkeyDataOf), ...signalFor(flow, own) } };
    },
  });
}

function addEndpoints(flow: ManagePasskeys, recently: Recently): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'passkeys.options',
      method: 'POST',
      path: '/api/v1/users/me/passkey-options',
      tag: 'account',
      summary: 'Begin to add a passkey',
      description:
        'Returns the options for `navigator.credentials.create()`. They are valid for ten minutes, once, in this session. A ' +
        '`passkey` can sign in by itself; a `security_key` is a second factor and turns two-step sign-in on.',
      auth: recently,
      rateLimit: 'authenticated',
      request: { body: z.strictObject({ kind }) },
      response: {
        status: 200,
        message: 'Options',
        data: z.object({ publicKey: creationOptionsData }),
        example: { publicKey: creationOptionsExample },
      },
      problems: ['passkeys_unavailable', 'too_many_passkeys'],
      handler: async ({ body, principal }) => ({
        data: { publicKey: creationOptionsDataOf(await optionsOf(flow, body.kind, principal)) },
      }),
    }),
    apiEndpoint({
      id: 'passkeys.add',
      method: 'POST',
      path,
      tag: 'account',
      summary: 'Add a passkey',
      description:
        'Takes the response of the authenticator as `credential.toJSON()` returns it, with the `kind` of its options. When a ' +
        'security key turns two-step sign-in on, every other session ends, this one continues under a new id, and the ' +
        'response has its tokens or cookies, and the first time also the recovery codes, which nothing can read again.',
      auth: recently,
      rateLimit: 'authenticated',
      request: {
        body: z.strictObject({ kind, name: nameInput.optional(), credential: registrationResponseSchema }),
      },
      response: {
        status: 201,
        message: 'Passkey added',
        data: issuedSessionData.partial({ userId: true, sessionId: true, expiresAt: true }).extend({
          passkey: passkeyData,
          recoveryCodes: z.array(z.string()).optional(),
          signal: signalData.optional(),
        }),
        example: {
          passkey: { ...passkeyExample, lastUsedAt: null },
          ...issuedSessionExample,
          recoveryCodes: exampleCodes,
          signal: signalExample,
        },
      },
      problems: [
        'invalid_passkey',
        'passkey_exists',
        'passkey_not_allowed',
        'passkeys_unavailable',
        'too_many_passkeys',
      ],
      handler: async ({ body, principal, caller }) => {
        const added = await addOwn(flow, body, principal, caller);
        return responseOf(added, signalFor(flow, await listOwn(flow, principal)));
      },
    }),
  ];
}

function changeEndpoints(flow: ManagePasskeys, recently: Recently): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'passkeys.change',
      method: 'PATCH',
      path: `${path}/{id}`,
      tag: 'account',
      summary: 'Rename a passkey, or resume it',
      description:
        'A recovery of the account by mail suspends passkeys: they stay second factors, and do not sign in by themselves. ' +
        '`suspended: false` ends that.',
      auth: recently,
      rateLimit: 'authenticated',
      request: { params, body: change },
      response: {
        status: 200,
        message: 'Passkey changed',
        data: z.object({ passkey: passkeyData, signal: signalData.optional() }),
        example: { passkey: passkeyExample, signal: signalExample },
      },
      problems: ['passkey_not_found'],
      handler: async ({ body, params: { id }, principal, caller }) => {
        const wanted = { name: body.name, resume: body.suspended === false };
        const passkey = await changeOwn(flow, id.toLowerCase(), wanted, principal, caller);
        const signal = signalFor(flow, await listOwn(flow, principal));
        return { data: { passkey: passkeyDataOf(passkey), ...signal } };
      },
    }),
    apiEndpoint({
      id: 'passkeys.remove',
      method: 'DELETE',
      path: `${path}/{id}`,
      tag: 'account',
      summary: 'Remove a passkey',
      description:
        'Every other session ends, and this one continues under a new id. With the last second factor two-step sign-in is ' +
        'off, and the recovery codes end.',
      auth: recently,
      rateLimit: 'authenticated',
      request: { params },
      response: {
        status: 200,
        message: 'Passkey removed',
        data: issuedSessionData.extend({ signal: signalData.optional() }),
        example: { ...issuedSessionExample, signal: { ...signalExample, allAcceptedCredentialIds: [] } },
      },
      problems: ['passkey_not_found', 'second_factor_required'],
      handler: async ({ params: { id }, principal, caller }) => {
        const { issued, left } = await removeOwn(flow, id.toLowerCase(), principal, caller);
        const { data, cookies } = issuedSessionResponse(issued);
        return { data: { ...data, ...signalFor(flow, left) }, cookies };
      },
    }),
  ];
}

type Signal = { readonly signal?: z.output<typeof signalData> };

function signalFor({ passkeys: { rpId } }: ManagePasskeys, { passkeys, userHandle }: OwnPasskeys): Signal {
  const signal = signalOf(rpId, userHandle, passkeys);
  return signal === undefined ? {} : { signal };
}

function responseOf({ passkey, turnedOn }: AddedPasskey, signal: Signal) {
  const data = { passkey: passkeyDataOf(passkey), ...signal };
  if (turnedOn === undefined) return { data };
  const { issued, recoveryCodes } = turnedOn;
  const { data: session, cookies } = issuedSessionResponse(issued);
  const codes = recoveryCodes === undefined ? {} : { recoveryCodes: [...recoveryCodes] };
  return { data: { ...session, ...codes, ...data }, cookies };
}
