import { describe, expect, it } from 'vitest';
import {
  attestedDataOf,
  authenticate,
  type ClientCeremony,
  createCredential,
  flagBits,
} from '#test/webauthn/authenticator.ts';
import { ceremonyFor, clientCeremony, newChallenge, now, rpId, userHandle } from '#test/webauthn/relying-party.ts';
import { type AssertionExpectations, parseAssertion, verifyAssertion } from './assertion.ts';
import { challengeLifetimeMs } from './challenge.ts';
import { coseAlgorithms } from './cose.ts';
import type { AuthenticationResponseJson } from './schemas.ts';

const credential = createCredential(-7);
const other = createCredential(-7);

const expected: AssertionExpectations = {
  rpId,
  publicKey: credential.spki,
  algorithm: -7,
  backupEligible: true,
  userHandle,
  requireUserVerification: true,
  requireUserHandle: true,
};

const { up, uv, be, bs } = flagBits;

/** The result of both steps: 'ok', or the reason of the step that failed. */
function outcomeOf(response: AuthenticationResponseJson, expectations: Partial<AssertionExpectations> = {}): string {
  const parsed = parseAssertion(response, ceremonyFor('login'));
  if (parsed.kind === 'invalid') return parsed.reason;
  const verified = verifyAssertion(parsed.assertion, { ...expected, ...expectations });
  return verified.kind === 'ok' ? 'ok' : verified.reason;
}

const respond = (changed: Partial<ClientCeremony> = {}, handle: Uint8Array | undefined = userHandle) =>
  authenticate(credential, clientCeremony('login', changed), handle);

const withResponse = (changed: Partial<AuthenticationResponseJson['response']>) => {
  const response = respond();
  return { ...response, response: { ...response.response, ...changed } };
};

describe.each(coseAlgorithms)('an assertion of algorithm %i', (algorithm) => {
  it('is accepted, with the counter and the flags', () => {
    const key = createCredential(algorithm);
    const response = authenticate(key, clientCeremony('login'), userHandle);
    const parsed = parseAssertion(response, ceremonyFor('login'));
    if (parsed.kind !== 'ok') throw new Error(parsed.reason);
    expect(parsed.assertion.credentialId).toEqual(key.credentialId);
    expect(parsed.assertion.challenge.expiresAt).toEqual(new Date(now.getTime() + challengeLifetimeMs));
    expect(verifyAssertion(parsed.assertion, { ...expected, algorithm, publicKey: key.spki })).toEqual({
      kind: 'ok',
      signCount: 7,
      backedUp: true,
      userVerified: true,
    });
  });
});

describe('an assertion that breaks one rule', () => {
  it.each<[string, Partial<ClientCeremony>, string]>([
    ['another type', { clientData: { type: 'webauthn.create' } }, 'type'],
    ['a payment', { clientData: { type: 'payment.get' } }, 'type'],
    ['a foreign challenge', { challenge: Buffer.alloc(38).toString('base64url') }, 'challenge'],
    ['a challenge of another purpose', { challenge: newChallenge('step_up') }, 'challenge'],
    [
      'an expired challenge',
      { challenge: newChallenge('login', new Date(now.getTime() - challengeLifetimeMs)) },
      'challenge_expired',
    ],
    ['another origin', { origin: 'https://evil.example' }, 'origin'],
    ['the origin with a port', { origin: 'https://id.example.com:8443' }, 'origin'],
    ['the origin with a path', { origin: 'https://id.example.com/' }, 'origin'],
    ['a frame of another site', { clientData: { crossOrigin: true } }, 'cross_origin'],
    ['a top origin', { clientData: { topOrigin: 'https://evil.example' } }, 'cross_origin'],
    ['our origin as top origin', { clientData: { topOrigin: 'https://id.example.com' } }, 'cross_origin'],
    ['both', { clientData: { crossOrigin: true, topOrigin: 'https://evil.example' } }, 'cross_origin'],
    ['another RP ID', { rpId: 'example.com' }, 'rp_id'],
    ['no user presence', { flags: uv | be | bs }, 'user_presence'],
    ['no user verification', { flags: up | be | bs }, 'user_verification'],
    ['another backup eligibility', { flags: up | uv }, 'backup_eligibility'],
  ])('is rejected: %s', (_, changed, reason) => {
    expect(outcomeOf(respond(changed))).toBe(reason);
  });

  it('is rejected: a backup of a key that cannot have one', () => {
    expect(outcomeOf(respond({ flags: up | uv | bs }), { backupEligible: false })).toBe('backup_state');
    expect(outcomeOf(respond({ flags: up | uv }), { backupEligible: false })).toBe('ok');
    expect(outcomeOf(respond({ flags: up | uv | be }))).toBe('ok');
  });

  it('is rejected: another user handle, or none without a list of allowed credentials', () => {
    expect(outcomeOf(respond({}, Buffer.alloc(32, 0x76)))).toBe('user_handle');
    expect(outcomeOf(respond({}, userHandle.subarray(1)))).toBe('user_handle');
    expect(outcomeOf(withResponse({ userHandle: undefined }))).toBe('user_handle');
    expect(outcomeOf(withResponse({ userHandle: null }))).toBe('user_handle');
    expect(outcomeOf(withResponse({ userHandle: null }), { requireUserHandle: false })).toBe('ok');
    expect(outcomeOf(respond({}, Buffer.alloc(32, 0x76)), { requireUserHandle: false })).toBe('user_handle');
  });

  it('is rejected: the signature of another key, of other client data, or with a byte behind it', () => {
    expect(outcomeOf(respond(), { publicKey: other.spki })).toBe('signature');
    expect(outcomeOf(withResponse({ signature: respond().response.signature }))).toBe('signature');
    const { signature } = respond().response;
    const longer = Buffer.concat([Buffer.from(signature, 'base64url'), Buffer.of(0)]).toString('base64url');
    expect(outcomeOf(withResponse({ signature: longer }))).toBe('signature');
  });

  it('is accepted without user verification when the passkey is the second factor', () => {
    const response = respond({ flags: up | be });
    expect(outcomeOf(response)).toBe('user_verification');
    expect(outcomeOf(response, { requireUserVerification: false })).toBe('ok');
  });
});

describe('the order of the rules', () => {
  it('is type, challenge, expiry, origin, frame, RP ID, presence, verification, eligibility, state, handle, signature', () => {
    const wrong = {
      expired: newChallenge('login', new Date(now.getTime() - challengeLifetimeMs)),
      clientData: { crossOrigin: true },
      origin: 'https://evil.example',
      rpId: 'evil.example',
    };
    const steps: readonly [Partial<ClientCeremony>, string][] = [
      [{ clientData: { ...wrong.clientData, type: 'x' }, challenge: 'x', origin: wrong.origin, flags: bs }, 'type'],
      [{ ...wrong, challenge: 'x', flags: bs }, 'challenge'],
      [{ ...wrong, challenge: wrong.expired, flags: bs }, 'challenge_expired'],
      [{ ...wrong, flags: bs }, 'origin'],
      [{ clientData: wrong.clientData, rpId: wrong.rpId, flags: bs }, 'cross_origin'],
      [{ rpId: wrong.rpId, flags: bs }, 'rp_id'],
      [{ flags: bs }, 'user_presence'],
      [{ flags: up | bs }, 'user_verification'],
      [{ flags: up | uv | bs }, 'backup_eligibility'],
    ];
    const reasons = steps.map(([changed]) => outcomeOf(respond(changed, Buffer.of(1)), { publicKey: other.spki }));
    expect(reasons).toEqual(steps.map(([, reason]) => reason));
    const noBackup = { publicKey: other.spki, backupEligible: false };
    expect(outcomeOf(respond({ flags: up | uv | bs }, Buffer.of(1)), noBackup)).toBe('backup_state');
    expect(outcomeOf(respond({ flags: up | uv }, Buffer.of(1)), noBackup)).toBe('user_handle');
    expect(outcomeOf(respond({ flags: up | uv }), noBackup)).toBe('signature');
  });
});

describe('a malformed assertion', () => {
  it.each<[string, () => AuthenticationResponseJson]>([
    ['another rawId', () => ({ ...respond(), rawId: other.credentialId.toString('base64url') })],
    ['an id with non-zero trailing bits', () => respell(respond())],
    ['client data that is no JSON', () => withResponse({ clientDataJSON: 'AAAA' })],
    ['padding', () => withResponse({ signature: 'AA==' })],
    ['short authenticator data', () => withResponse({ authenticatorData: Buffer.alloc(36).toString('base64url') })],
    ['a byte behind the authenticator data', () => respond({ extensions: Buffer.of(0) })],
    ['an announced extension that is missing', () => respond({ flags: up | uv | be | flagBits.ed })],
    ['a malformed user handle', () => withResponse({ userHandle: 'A' })],
    [
      'an attested credential',
      () => {
        const extensions = attestedDataOf(credential.credentialId, credential.coseKey);
        return respond({ flags: up | uv | be | flagBits.at, extensions });
      },
    ],
  ])('is rejected: %s', (_, response) => {
    expect(outcomeOf(response())).toBe('malformed');
  });

  it('is not one with extension outputs', () => {
    const extensions = Buffer.from('a16161f5', 'hex');
    expect(outcomeOf(respond({ flags: up | uv | be | flagBits.ed, extensions }))).toBe('ok');
  });
});

/** 32 bytes have two unused bits in the last of 43 characters. */
function respell(response: AuthenticationResponseJson): AuthenticationResponseJson {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const id = response.id.slice(0, -1) + alphabet.charAt(alphabet.indexOf(response.id.slice(-1)) + 1);
  expect(Buffer.from(id, 'base64url')).toEqual(Buffer.from(response.id, 'base64url'));
  return { ...response, id, rawId: id };
}
