/**
 * An authenticator and its browser for tests. Each part of a response can be replaced before it is signed, so that a
 * response breaks exactly one rule and its signature still verifies.
 */
import { generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { AuthenticationResponseJson, CoseAlgorithm, RegistrationResponseJson } from '#protocol/webauthn/index.ts';
import { type Encodable, type EncodableMap, encodeCbor } from './cbor-encoder.ts';

export const flagBits = { up: 0x01, uv: 0x04, be: 0x08, bs: 0x10, at: 0x40, ed: 0x80 } as const;

export type TestCredential = {
  readonly algorithm: CoseAlgorithm;
  readonly credentialId: Buffer;
  readonly privateKey: KeyObject;
  readonly coseKey: EncodableMap;
  readonly spki: Buffer;
};

/** The browser's and the authenticator's part of a response. */
export type ClientCeremony = {
  readonly challenge: string;
  readonly origin: string;
  readonly rpId: string;
  readonly flags: number;
  readonly signCount: number;
  /** Members that are added to the client data, or replace it. */
  readonly clientData: Readonly<Record<string, unknown>>;
  /** The bytes after the fixed part of the authenticator data. */
  readonly extensions: Buffer;
};

export function createCredential(algorithm: CoseAlgorithm, rsaBits = 2048): TestCredential {
  const { publicKey, privateKey } = generateKeys(algorithm, rsaBits);
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return { algorithm, credentialId: randomBytes(32), privateKey, coseKey: coseKeyOf(algorithm, publicKey), spki };
}

function generateKeys(algorithm: CoseAlgorithm, modulusLength: number) {
  if (algorithm === -8) return generateKeyPairSync('ed25519');
  if (algorithm === -7) return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength });
}

/** RFC 9053 §7 and RFC 8230 §4. */
function coseKeyOf(algorithm: CoseAlgorithm, publicKey: KeyObject): EncodableMap {
  const { x = '', y = '', n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const entry = (label: number, text: string) => [label, Buffer.from(text, 'base64url')] as const;
  const members: Readonly<Record<CoseAlgorithm, readonly (readonly [number, Encodable])[]>> = {
    [-8]: [[1, 1], [3, -8], [-1, 6], entry(-2, x)],
    [-7]: [[1, 2], [3, -7], [-1, 1], entry(-2, x), entry(-3, y)],
    [-257]: [[1, 3], [3, -257], entry(-1, n), entry(-2, e)],
  };
  return new Map(members[algorithm]);
}

/** Signs as the credential does. */
export function signWith({ algorithm, privateKey }: TestCredential, message: Uint8Array): Buffer {
  return sign(algorithm === -8 ? null : 'sha256', message, privateKey);
}

function clientDataOf(type: string, { challenge, origin, clientData }: ClientCeremony): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...clientData }));
}

function authenticatorDataOf(
  { rpId, flags, signCount, extensions }: ClientCeremony,
  attested: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags | (attested.length > 0 ? flagBits.at : 0);
  head.writeUInt32BE(signCount, 1);
  return Buffer.concat([hash('sha256', rpId, 'buffer'), head, attested, extensions]);
}

export function attestedDataOf(credentialId: Buffer, coseKey: EncodableMap): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(credentialId.length);
  return Buffer.concat([Buffer.alloc(16, 0xaa), length, credentialId, encodeCbor(coseKey)]);
}

/** The part of a registration that only registrations have. */
export type Attestation = {
  readonly attested: Buffer;
  readonly format: string;
  readonly statement: (signed: Buffer) => EncodableMap;
};

export function register(
  credential: TestCredential,
  ceremony: ClientCeremony,
  changed: Partial<Attestation> = {},
): RegistrationResponseJson {
  const attested = changed.attested ?? attestedDataOf(credential.credentialId, credential.coseKey);
  const authData = authenticatorDataOf(ceremony, attested);
  const clientData = clientDataOf('webauthn.create', ceremony);
  const signed = Buffer.concat([authData, hash('sha256', clientData, 'buffer')]);
  const attestationObject = encodeCbor(
    new Map<string, Encodable>([
      ['fmt', changed.format ?? 'none'],
      ['attStmt', changed.statement?.(signed) ?? new Map()],
      ['authData', authData],
    ]),
  );
  const id = credential.credentialId.toString('base64url');
  const response = {
    clientDataJSON: clientData.toString('base64url'),
    attestationObject: attestationObject.toString('base64url'),
    transports: ['internal', 'hybrid', 'internal'],
  };
  return { id, rawId: id, type: 'public-key', response };
}

export function authenticate(
  credential: TestCredential,
  ceremony: ClientCeremony,
  userHandle: Uint8Array | undefined,
): AuthenticationResponseJson {
  const authData = authenticatorDataOf(ceremony);
  const clientData = clientDataOf('webauthn.get', ceremony);
  const signature = signWith(credential, Buffer.concat([authData, hash('sha256', clientData, 'buffer')]));
  const id = credential.credentialId.toString('base64url');
  const handle = userHandle === undefined ? {} : { userHandle: Buffer.from(userHandle).toString('base64url') };
  const response = {
    clientDataJSON: clientData.toString('base64url'),
    authenticatorData: authData.toString('base64url'),
    signature: signature.toString('base64url'),
    ...handle,
  };
  return { id, rawId: id, type: 'public-key', response };
}
