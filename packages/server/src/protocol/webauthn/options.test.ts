import { describe, expect, it } from 'vitest';
import { creationOptions, requestOptions } from './options.ts';

const request = {
  rp: { id: 'id.example.com', name: 'Acme' },
  user: { handle: Buffer.alloc(32, 0xff), name: 'ada@example.com', displayName: 'Ada' },
  challenge: 'AAAA',
  exclude: [
    { credentialId: Buffer.alloc(16, 1), transports: ['internal', 'hybrid'] },
    { credentialId: Buffer.alloc(16, 2), transports: [] },
  ],
} as const;

const descriptors = [
  { type: 'public-key', id: 'AQEBAQEBAQEBAQEBAQEBAQ', transports: ['internal', 'hybrid'] },
  { type: 'public-key', id: 'AgICAgICAgICAgICAgICAg' },
];

describe('creationOptions', () => {
  it('requires a discoverable credential and user verification for a passkey', () => {
    expect(creationOptions({ ...request, kind: 'passkey' })).toEqual({
      rp: { id: 'id.example.com', name: 'Acme' },
      user: { id: '__________________________________________8', name: 'ada@example.com', displayName: 'Ada' },
      challenge: 'AAAA',
      pubKeyCredParams: [
        { type: 'public-key', alg: -8 },
        { type: 'public-key', alg: -7 },
        { type: 'public-key', alg: -257 },
      ],
      timeout: 600_000,
      excludeCredentials: descriptors,
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation: 'none',
    });
  });

  it('requires neither for a security key', () => {
    expect(creationOptions({ ...request, kind: 'security_key' }).authenticatorSelection).toEqual({
      residentKey: 'discouraged',
      requireResidentKey: false,
      userVerification: 'preferred',
    });
  });
});

describe('requestOptions', () => {
  it('lists the allowed credentials', () => {
    const options = { rpId: 'id.example.com', challenge: 'AAAA', allow: request.exclude };
    expect(requestOptions({ ...options, requireUserVerification: false })).toEqual({
      challenge: 'AAAA',
      timeout: 600_000,
      rpId: 'id.example.com',
      allowCredentials: descriptors,
      userVerification: 'preferred',
    });
  });

  it('depends on no user without allowed credentials', () => {
    const options = { rpId: 'id.example.com', challenge: 'AAAA', allow: [], requireUserVerification: true };
    expect(requestOptions(options)).toMatchObject({ allowCredentials: [], userVerification: 'required' });
  });
});
