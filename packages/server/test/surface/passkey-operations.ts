/** The expected operations of passkeys. Reviewed by hand, never computed from the declarations. */
import type { ExpectedOperation } from './expected-operation.ts';

const id = 'A'.repeat(43);
/** Well-formed responses of an authenticator, to no challenge of ours. */
const assertion = {
  id,
  rawId: id,
  type: 'public-key',
  response: { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature: 'AAAA' },
};
const attestation = {
  id,
  rawId: id,
  type: 'public-key',
  response: { clientDataJSON: 'e30', attestationObject: 'AAAA' },
};

const session = { kind: 'api', principals: ['session'] } as const;

export const passkeyOperations: readonly ExpectedOperation[] = [
  {
    id: 'login.passkey_options',
    method: 'POST',
    path: '/api/v1/auth/login/passkey/options',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'public',
    body: { transport: 'token', browserToken: 'x' },
    optional: ['transport', 'browserToken'],
  },
  {
    id: 'login.passkey',
    method: 'POST',
    path: '/api/v1/auth/login/passkey',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'credential',
    body: { transport: 'token', credential: assertion, browserToken: 'x', deviceToken: 'x' },
    optional: ['transport', 'browserToken', 'deviceToken'],
  },
  {
    id: 'login.second_factor_options',
    method: 'POST',
    path: '/api/v1/auth/login/second-factor/options',
    kind: 'api',
    principals: ['public'],
    rateLimit: 'credential',
    body: { ticket: `lk_lt_${'A'.repeat(49)}` },
  },
  {
    ...session,
    id: 'step_up.passkey_options',
    method: 'POST',
    path: '/api/v1/auth/step-up/options',
    rateLimit: 'authenticated',
  },
  {
    ...session,
    id: 'passkeys.list',
    method: 'GET',
    path: '/api/v1/users/me/passkeys',
    rateLimit: 'authenticated',
  },
  {
    ...session,
    id: 'passkeys.options',
    method: 'POST',
    path: '/api/v1/users/me/passkey-options',
    stepUp: true,
    rateLimit: 'authenticated',
    body: { kind: 'passkey' },
    optional: ['kind'],
  },
  {
    ...session,
    id: 'passkeys.add',
    method: 'POST',
    path: '/api/v1/users/me/passkeys',
    stepUp: true,
    rateLimit: 'authenticated',
    body: { kind: 'passkey', name: 'Phone', credential: attestation },
    optional: ['kind', 'name'],
  },
  {
    ...session,
    id: 'passkeys.change',
    method: 'PATCH',
    path: '/api/v1/users/me/passkeys/{id}',
    stepUp: true,
    rateLimit: 'authenticated',
    body: { name: 'Phone' },
  },
  {
    ...session,
    id: 'passkeys.remove',
    method: 'DELETE',
    path: '/api/v1/users/me/passkeys/{id}',
    stepUp: true,
    rateLimit: 'authenticated',
  },
];
