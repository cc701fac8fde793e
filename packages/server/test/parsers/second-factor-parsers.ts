/** The parsers of typed codes and of the responses of authenticators. */
import assert from 'node:assert/strict';
import { decodeBase32, encodeBase32 } from '#protocol/base32/index.ts';
import { matchingStep } from '#protocol/totp/index.ts';
import { parseAuthenticatorData } from '#protocol/webauthn/authenticator-data.ts';
import { decodeCbor } from '#protocol/webauthn/cbor.ts';
import { parseClientData } from '#protocol/webauthn/client-data.ts';
import {
  authenticationResponseSchema,
  challengeCheck,
  parseAssertion,
  registrationResponseSchema,
  verifyAssertion,
  verifyRegistration,
} from '#protocol/webauthn/index.ts';
import { authenticate, createCredential, flagBits, register } from '../webauthn/authenticator.ts';
import { type Encodable, encodeCbor } from '../webauthn/cbor-encoder.ts';
import { ceremonyFor, clientCeremony, mac, newChallenge, now, rpId, userHandle } from '../webauthn/relying-party.ts';
import type { Parser } from './parser.ts';

const credential = createCredential(-7);
const { up, uv, ed } = flagBits;
const extended = { flags: up | uv | ed, extensions: Buffer.from('a16b6372656450726f7465637402', 'hex') };
const registrations = [{}, extended].map((changed) => register(credential, clientCeremony('register', changed)));
const assertions = [{}, extended].map((changed) =>
  authenticate(credential, clientCeremony('login', changed), userHandle),
);
const attestations = registrations.map(({ response }) => Buffer.from(response.attestationObject, 'base64url'));
const binding = Buffer.alloc(32, 0xb1);
const checkChallenge = challengeCheck({ purpose: 'login', binding }, { now, macs: (message) => [mac(message)] });
const isSyntax = (error: unknown): boolean => error instanceof SyntaxError;

export const secondFactorParsers: readonly Parser[] = [
  {
    module: 'base32',
    name: 'decodeBase32',
    examples: ['MZXW6YTBOI', 'GEZD GNBV GY3T QOJQ', 'mzxw-6ytb'],
    read: ({ text }) => {
      const bytes = decodeBase32(text, 'rfc4648');
      if (bytes === null) return false;
      assert.equal(encodeBase32(bytes, 'rfc4648'), text.replaceAll(/[ -]/g, '').toUpperCase());
      return true;
    },
  },
  {
    module: 'totp',
    name: 'matchingStep',
    // RFC 6238 Appendix B at 59 s; both neighbors are RFC 4226 Appendix D.
    examples: ['287082', '755224', '359 152'],
    read: ({ text }) => {
      const step = matchingStep(Buffer.from('12345678901234567890'), text, new Date(59_000));
      assert.ok(step === undefined || (step >= 0 && step <= 2 && /^[\d ]+$/.test(text)));
      return step !== undefined;
    },
  },
  {
    module: 'webauthn',
    name: 'decodeCbor',
    examples: [...attestations, Buffer.from('a4010103390100205840', 'hex'), Buffer.from('8301820203820405', 'hex')],
    read: ({ bytes }) => {
      const value = decodeCbor(bytes);
      if (value === undefined) return false;
      assert.deepEqual(encodeCbor(value as Encodable), bytes);
      return true;
    },
  },
  {
    module: 'webauthn',
    name: 'parseAuthenticatorData',
    examples: [
      ...attestations.map((bytes) => bytes.subarray(bytes.indexOf('authData') + 10)),
      ...assertions.map(({ response }) => Buffer.from(response.authenticatorData, 'base64url')),
    ],
    read: ({ bytes }) => {
      const data = parseAuthenticatorData(bytes);
      assert.ok(data === undefined || bytes.length >= 37);
      return data !== undefined;
    },
  },
  {
    module: 'webauthn',
    name: 'parseClientData',
    examples: [...registrations, ...assertions].map(({ response }) =>
      Buffer.from(response.clientDataJSON, 'base64url'),
    ),
    read: ({ bytes }) => {
      const data = parseClientData(bytes);
      if (data === undefined) return false;
      assert.equal(data.origin, (JSON.parse(bytes.toString()) as { origin: string }).origin);
      return true;
    },
  },
  {
    module: 'webauthn',
    name: 'challengeCheck',
    examples: [newChallenge('login'), newChallenge('login'), newChallenge('register')],
    read: ({ text }) => checkChallenge(text).kind === 'ok',
  },
  {
    module: 'webauthn',
    name: 'verifyRegistration',
    examples: registrations.map((response) => JSON.stringify(response)),
    refusal: isSyntax,
    read: ({ text }) => {
      const form = registrationResponseSchema.safeParse(JSON.parse(text));
      if (!form.success) return false;
      const expected = { ...ceremonyFor('register'), rpId, requireUserVerification: true };
      const result = verifyRegistration(form.data, expected);
      if (result.kind === 'ok') assert.deepEqual(result.credential.credentialId, credential.credentialId);
      return result.kind === 'ok';
    },
  },
  {
    module: 'webauthn',
    name: 'parseAssertion',
    examples: assertions.map((response) => JSON.stringify(response)),
    refusal: isSyntax,
    read: ({ text }) => {
      const form = authenticationResponseSchema.safeParse(JSON.parse(text));
      const parsed = form.success ? parseAssertion(form.data, ceremonyFor('login')) : undefined;
      if (parsed?.kind !== 'ok') return false;
      const stored = { publicKey: credential.spki, algorithm: -7, backupEligible: true, userHandle } as const;
      const expected = { rpId, ...stored, requireUserVerification: true, requireUserHandle: true };
      return verifyAssertion(parsed.assertion, expected).kind === 'ok';
    },
  },
];
