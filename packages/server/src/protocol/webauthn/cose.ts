import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { encodeBase64url } from './base64url.ts';
import type { CborMap } from './cbor.ts';
import { isOnEd25519, isOnP256 } from './curve-points.ts';

/**
 * The accepted COSE algorithms (RFC 9053 §2, RFC 8812 §2) in the order in which registrations ask for them: Ed25519 (−8),
 * ECDSA on P-256 with SHA-256 (−7), RSASSA-PKCS1-v1_5 with SHA-256 (−257, for Windows Hello on older TPMs).
 */
export const coseAlgorithms = [-8, -7, -257] as const;

export type CoseAlgorithm = (typeof coseAlgorithms)[number];

export type CredentialPublicKey = {
  readonly algorithm: CoseAlgorithm;
  readonly publicKey: KeyObject;
  /** SubjectPublicKeyInfo in DER (RFC 5280 §4.1): the form for storage. */
  readonly spki: Buffer;
};

export type CoseKeyResult =
  | { readonly kind: 'ok'; readonly key: CredentialPublicKey }
  | { readonly kind: 'invalid'; readonly reason: 'algorithm' | 'public_key' };

/** Labels of RFC 9052 §7.1, RFC 9053 §7 and RFC 8230 §4; those from −1 on depend on the key type. */
const labels = { kty: 1, alg: 3, crv: -1, x: -2, y: -3, n: -1, e: -2 } as const;
const keyTypes = { okp: 1, ec2: 2, rsa: 3 } as const;
const curves = { p256: 1, ed25519: 6 } as const;

const coordinateBytes = 32;

/**
 * Imports a credential public key (WebAuthn L3 §6.5.1): key type and curve must be those of the algorithm, the point must be
 * on the curve, RSA has 2048 to 4096 bits, and no optional member is present.
 */
export function importCoseKey(members: CborMap): CoseKeyResult {
  const algorithm = coseAlgorithms.find((candidate) => candidate === members.get(labels.alg));
  if (algorithm === undefined) return { kind: 'invalid', reason: 'algorithm' };
  const jwk = jwkReaders[algorithm](members);
  if (jwk === undefined) return { kind: 'invalid', reason: 'public_key' };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  return { kind: 'ok', key: { algorithm, publicKey, spki: publicKey.export({ format: 'der', type: 'spki' }) } };
}

/**
 * Imports a stored key.
 *
 * @throws Node's own error when the bytes are no SubjectPublicKeyInfo.
 */
export function importSpki(spki: Buffer): KeyObject {
  return createPublicKey({ key: spki, format: 'der', type: 'spki' });
}

/**
 * Verifies a signature in the form of WebAuthn L3 §6.5.5: ECDSA in DER without further bytes, Ed25519 as 64 bytes.
 */
export function verifySignature(
  algorithm: CoseAlgorithm,
  publicKey: KeyObject,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verify(algorithm === -8 ? null : 'sha256', message, publicKey, signature);
}

const jwkReaders: Readonly<Record<CoseAlgorithm, (members: CborMap) => JsonWebKey | undefined>> = {
  [-8]: readEd25519,
  [-7]: readP256,
  [-257]: readRsa,
};

function readEd25519(members: CborMap): JsonWebKey | undefined {
  const x = members.get(labels.x);
  if (!isKey(members, 4, keyTypes.okp) || members.get(labels.crv) !== curves.ed25519) return undefined;
  if (!isCoordinate(x) || !isOnEd25519(x)) return undefined;
  return { kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(x) };
}

function readP256(members: CborMap): JsonWebKey | undefined {
  const [x, y] = [members.get(labels.x), members.get(labels.y)];
  if (!isKey(members, 5, keyTypes.ec2) || members.get(labels.crv) !== curves.p256) return undefined;
  if (!isCoordinate(x) || !isCoordinate(y) || !isOnP256(x, y)) return undefined;
  return { kty: 'EC', crv: 'P-256', x: encodeBase64url(x), y: encodeBase64url(y) };
}

/** Exponents below 2¹⁶ are excluded by FIPS 186-5 §A.1.1; the usual one is 65537. */
const leastExponent = 65_537;

function readRsa(members: CborMap): JsonWebKey | undefined {
  const [n, e] = [members.get(labels.n), members.get(labels.e)];
  if (!isKey(members, 4, keyTypes.rsa) || !isModulus(n) || !isExponent(e)) return undefined;
  return { kty: 'RSA', n: encodeBase64url(n), e: encodeBase64url(e) };
}

function isModulus(value: unknown): value is Buffer {
  if (!isUnsigned(value) || !isOdd(value)) return false;
  const bits = 8 * value.length - Math.clz32(value[0] ?? 0) + 24;
  return bits >= 2048 && bits <= 4096;
}

function isExponent(value: unknown): value is Buffer {
  if (!isUnsigned(value) || !isOdd(value) || value.length > 4) return false;
  return value.readUIntBE(0, value.length) >= leastExponent;
}

/** The readers require each label of their key type, so the number of members excludes all others. */
function isKey(members: CborMap, size: number, keyType: number): boolean {
  return members.size === size && members.get(labels.kty) === keyType;
}

function isCoordinate(value: unknown): value is Buffer {
  return Buffer.isBuffer(value) && value.length === coordinateBytes;
}

/** RFC 8230 §4: big-endian without leading zeros. */
function isUnsigned(value: unknown): value is Buffer {
  return Buffer.isBuffer(value) && value.length > 0 && value[0] !== 0;
}

function isOdd(bigEndian: Buffer): boolean {
  return ((bigEndian.at(-1) ?? 0) & 1) === 1;
}
