import { describe, expect, it } from 'vitest';
import { authenticate, createCredential, register } from '#test/webauthn/authenticator.ts';
import { clientCeremony, userHandle } from '#test/webauthn/relying-party.ts';
import { authenticationResponseSchema, registrationResponseSchema } from './schemas.ts';

const credential = createCredential(-7);
const registration = register(credential, clientCeremony('register'));
const assertion = authenticate(credential, clientCeremony('login'), userHandle);

describe('the JSON forms', () => {
  it('keep the verified members and drop those that browsers add', () => {
    const added = { clientExtensionResults: { credProps: { rk: true } }, authenticatorAttachment: 'platform' };
    const response = { ...registration.response, publicKeyAlgorithm: -7, publicKey: 'AAAA', authenticatorData: 'AAAA' };
    expect(registrationResponseSchema.parse({ ...registration, ...added, response })).toEqual(registration);
    expect(authenticationResponseSchema.parse({ ...assertion, ...added })).toEqual(assertion);
  });

  it.each([
    ['another type', { type: 'password' }],
    ['a short id', { id: 'AAAA' }],
    ['an id of 1024 bytes', { id: 'A'.repeat(1366) }],
    ['an id that is not base64url', { id: `${registration.id.slice(1)}+` }],
    ['a missing rawId', { rawId: undefined }],
    ['a missing response', { response: undefined }],
  ])('reject %s', (_, changed) => {
    expect(registrationResponseSchema.safeParse({ ...registration, ...changed }).success).toBe(false);
    expect(authenticationResponseSchema.safeParse({ ...assertion, ...changed }).success).toBe(false);
  });

  it.each([
    ['long client data', { clientDataJSON: 'A'.repeat(4097) }],
    ['empty client data', { clientDataJSON: '' }],
    ['a long attestation object', { attestationObject: 'A'.repeat(8193) }],
    ['many transports', { transports: Array<string>(11).fill('usb') }],
    ['a transport that is no word', { transports: ['USB <b>'] }],
  ])('reject %s of a registration', (_, changed) => {
    const response = { ...registration.response, ...changed };
    expect(registrationResponseSchema.safeParse({ ...registration, response }).success).toBe(false);
  });

  it.each([
    ['long authenticator data', { authenticatorData: 'A'.repeat(2049) }],
    ['a long signature', { signature: 'A'.repeat(1025) }],
    ['a long user handle', { userHandle: 'A'.repeat(89) }],
    ['a user handle with padding', { userHandle: 'AA==' }],
  ])('reject %s of an assertion', (_, changed) => {
    const response = { ...assertion.response, ...changed };
    expect(authenticationResponseSchema.safeParse({ ...assertion, response }).success).toBe(false);
  });
});
