import { describe, expect, it } from 'vitest';
import {
  type Attestation,
  attestedDataOf,
  type ClientCeremony,
  createCredential,
  flagBits,
  register,
  signWith,
} from '#test/webauthn/authenticator.ts';
import { type Encodable, encodeCbor } from '#test/webauthn/cbor-encoder.ts';
import { ceremonyFor, clientCeremony, newChallenge, now, rpId } from '#test/webauthn/relying-party.ts';
import { challengeLifetimeMs } from './challenge.ts';
import { coseAlgorithms } from './cose.ts';
import { verifyRegistration } from './registration.ts';
import type { RegistrationResponseJson } from './schemas.ts';

const credential = createCredential(-7);
const { up, uv, be, bs, ed } = flagBits;

function outcomeOf(response: RegistrationResponseJson, requireUserVerification = true): string {
  const result = verifyRegistration(response, { ...ceremonyFor('register'), rpId, requireUserVerification });
  return result.kind === 'ok' ? 'ok' : result.reason;
}

const respond = (changed: Partial<ClientCeremony> = {}, attestation: Partial<Attestation> = {}, of = credential) =>
  register(of, clientCeremony('register', changed), attestation);

const attestedWith = (key: ReadonlyMap<number | string, Encodable>, id = credential.credentialId) => ({
  attested: attestedDataOf(id, key),
});

const changedKey = (...members: readonly (readonly [number, Encodable])[]) =>
  attestedWith(new Map([...credential.coseKey, ...members]));

describe.each(coseAlgorithms)('a registration of algorithm %i', (algorithm) => {
  const own = createCredential(algorithm);
  const members = (signed: Buffer): [string, Encodable][] => [
    ['alg', algorithm],
    ['sig', signWith(own, signed)],
  ];

  it('returns the credential for storage', () => {
    const response = respond({}, {}, own);
    expect(verifyRegistration(response, { ...ceremonyFor('register'), rpId, requireUserVerification: true })).toEqual({
      kind: 'ok',
      challenge: { nonceHash: expect.any(Buffer), expiresAt: new Date(now.getTime() + challengeLifetimeMs) },
      credential: {
        credentialId: own.credentialId,
        publicKey: own.spki,
        algorithm,
        signCount: 7,
        backupEligible: true,
        backedUp: true,
        userVerified: true,
        aaguid: 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa',
        transports: ['internal', 'hybrid'],
      },
    });
  });

  it('is accepted with a self attestation', () => {
    const statement = (signed: Buffer) => new Map(members(signed));
    expect(outcomeOf(respond({}, { format: 'packed', statement }, own))).toBe('ok');
  });

  it('is rejected with a self attestation of other data, with another algorithm, or with a certificate', () => {
    const attest = (of: (signed: Buffer) => [string, Encodable][]) =>
      outcomeOf(respond({}, { format: 'packed', statement: (signed) => new Map(of(signed)) }, own));
    expect(attest((signed) => members(Buffer.concat([signed, Buffer.of(0)])))).toBe('attestation');
    expect(attest((signed) => [['alg', -35], ...members(signed).slice(1)])).toBe('attestation');
    expect(attest((signed) => [...members(signed), ['x5c', [Buffer.alloc(9)]]])).toBe('attestation');
    expect(attest((signed) => members(signed).slice(0, 1))).toBe('attestation');
    expect(
      attest(() => [
        ['alg', algorithm],
        ['sig', 'text'],
      ]),
    ).toBe('attestation');
  });
});

describe('a registration that breaks one rule', () => {
  it.each<[string, Partial<ClientCeremony>, string]>([
    ['another type', { clientData: { type: 'webauthn.get' } }, 'type'],
    ['a challenge of a login', { challenge: newChallenge('login') }, 'challenge'],
    [
      'an expired challenge',
      { challenge: newChallenge('register', new Date(now.getTime() - challengeLifetimeMs)) },
      'challenge_expired',
    ],
    ['another origin', { origin: 'https://example.com' }, 'origin'],
    ['a frame of another site', { clientData: { crossOrigin: true } }, 'cross_origin'],
    ['a top origin', { clientData: { topOrigin: 'https://id.example.com' } }, 'cross_origin'],
    ['another RP ID', { rpId: 'example.com' }, 'rp_id'],
    ['no user presence', { flags: uv | be }, 'user_presence'],
    ['no user verification', { flags: up | be }, 'user_verification'],
    ['a backup of a key that cannot have one', { flags: up | uv | bs }, 'backup_state'],
    ['a byte behind the authenticator data', { extensions: Buffer.of(0) }, 'malformed'],
    ['an announced extension that is missing', { flags: up | uv | ed }, 'malformed'],
    ['extensions that are no map', { flags: up | uv | ed, extensions: Buffer.of(0x80) }, 'malformed'],
    ['no JSON', { clientData: { origin: undefined } }, 'malformed'],
  ])('is rejected: %s', (_, changed, reason) => {
    expect(outcomeOf(respond(changed))).toBe(reason);
  });

  it.each<[string, Partial<Attestation>, string]>([
    ['another algorithm', changedKey([3, -35]), 'algorithm'],
    ['a point beside the curve', changedKey([-3, Buffer.alloc(32, 1)]), 'public_key'],
    ['another curve', changedKey([-1, 2]), 'public_key'],
    ['an id of 15 bytes', attestedWith(credential.coseKey, Buffer.alloc(15)), 'malformed'],
    ['an id of 1024 bytes', attestedWith(credential.coseKey, Buffer.alloc(1024)), 'malformed'],
    ['a truncated key', { attested: attestedWith(credential.coseKey).attested.subarray(0, -1) }, 'malformed'],
    ['a truncated id', { attested: attestedWith(credential.coseKey).attested.subarray(0, 40) }, 'malformed'],
    ['a truncated head', { attested: Buffer.alloc(17) }, 'malformed'],
    ['no attested credential', { attested: Buffer.alloc(0) }, 'malformed'],
    ['a key whose members are not in order', attestedWith(new Map([...credential.coseKey].reverse())), 'malformed'],
    ['a statement with the format none', { statement: () => new Map([['alg', -7]]) }, 'attestation'],
    ['an unknown format', { format: 'unknown' }, 'attestation'],
    ['a format that is not verified', { format: 'fido-u2f' }, 'attestation'],
    ['the id of another credential', attestedWith(credential.coseKey, Buffer.alloc(32, 9)), 'credential_id'],
  ])('is rejected: %s', (_, attestation, reason) => {
    expect(outcomeOf(respond({}, attestation))).toBe(reason);
  });

  it('is rejected: another rawId', () => {
    const rawId = Buffer.alloc(32, 9).toString('base64url');
    expect(outcomeOf({ ...respond(), rawId })).toBe('credential_id');
    expect(outcomeOf({ ...respond(), id: rawId })).toBe('credential_id');
  });

  it('is accepted without user verification when a security key is a second factor', () => {
    expect(outcomeOf(respond({ flags: up }))).toBe('user_verification');
    expect(outcomeOf(respond({ flags: up }), false)).toBe('ok');
  });

  it('is accepted with extension outputs, and an id of 16 to 1023 bytes', () => {
    const extensions = Buffer.from('a16b6372656450726f7465637402', 'hex');
    expect(outcomeOf(respond({ flags: up | uv | ed, extensions }))).toBe('ok');
    for (const length of [16, 1023]) {
      const own = { ...credential, credentialId: Buffer.alloc(length, 3) };
      expect(outcomeOf(respond({}, attestedWith(own.coseKey, own.credentialId), own))).toBe('ok');
    }
  });
});

describe('a malformed attestation object', () => {
  const valid = Buffer.from(respond().response.attestationObject, 'base64url');
  const outcomeOfBytes = (bytes: Buffer) => {
    const response = respond();
    return outcomeOf({
      ...response,
      response: { ...response.response, attestationObject: bytes.toString('base64url') },
    });
  };

  it.each([
    ['a byte behind it', Buffer.concat([valid, Buffer.of(0)])],
    ['the last byte missing', valid.subarray(0, -1)],
    ['no map', encodeCbor([1])],
    [
      'a further member',
      Buffer.concat([Buffer.of(0xa4), valid.subarray(1), encodeCbor('epAtt1234'), encodeCbor(true)]),
    ],
    ['members in another order', reordered()],
    ['authenticator data as text', withMember('authData', 'text')],
    ['a format that is no text', withMember('fmt', 1)],
    ['a statement that is no map', withMember('attStmt', [])],
  ])('is rejected: %s', (_, bytes) => {
    expect(outcomeOfBytes(bytes)).toBe('malformed');
  });

  it('is not the one that the cases change', () => {
    expect(outcomeOf(respond())).toBe('ok');
    expect(withMember('fmt', 'none')).toEqual(encodeCbor(membersWith('fmt', 'none')));
  });

  function membersWith(name: string, value: Encodable): Map<string, Encodable> {
    const members = new Map<string, Encodable>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', valid.subarray(-164)],
    ]);
    return members.set(name, value);
  }

  function withMember(name: string, value: Encodable): Buffer {
    return encodeCbor(membersWith(name, value));
  }

  function reordered(): Buffer {
    return encodeCbor(new Map([...membersWith('fmt', 'none')].reverse()));
  }
});
