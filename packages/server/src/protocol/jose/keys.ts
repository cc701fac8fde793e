import { createPrivateKey, createPublicKey, generateKeyPair, type JsonWebKey, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint';

/** RFC 7518 §3.1 and RFC 8037 §3.1; `EdDSA` means Ed25519 here (RFC 9864's fully specified name is not yet widely read). */
export const signingAlgorithms = ['ES256', 'EdDSA', 'RS256'] as const;

export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/** The algorithm is a property of the key; the token's `alg` is never trusted (RFC 8725 §3.1). */
export type VerifyKey = { readonly kid: string; readonly alg: SigningAlgorithm; readonly publicKey: KeyObject };

/** Holds imported KeyObjects, because importing a key costs more than signing. */
export type SigningKey = VerifyKey & { readonly privateKey: KeyObject };

/** A member of a JWK Set (RFC 7517 §5). The type has no private members. */
export type PublicJwk = { readonly kid: string; readonly alg: SigningAlgorithm; readonly use: 'sig' } & (
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
);

/** RFC 7518 §3.3 requires at least 2048 bits; more would double the cost of a login for tokens that live minutes. */
const rsaModulusBits = 2048;

const generate = promisify(generateKeyPair);

/** Generates a key pair in the thread pool; its `kid` is the RFC 7638 thumbprint. */
export async function generateSigningKeyPair(alg: SigningAlgorithm): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeys(alg);
  const kid = await jwkThumbprint({ publicKey });
  return { kid, alg, publicKey, privateKey };
}

function generateKeys(alg: SigningAlgorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  switch (alg) {
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'EdDSA':
      return generate('ed25519', {});
    case 'RS256':
      return generate('rsa', { modulusLength: rsaModulusBits });
  }
}

/** The private key as PKCS #8 DER (RFC 5958), unencrypted. */
export function exportPrivateKey(key: SigningKey): Buffer {
  return key.privateKey.export({ format: 'der', type: 'pkcs8' });
}

/**
 * Imports a key that `exportPrivateKey` wrote.
 *
 * @throws TypeError when the key does not fit the algorithm; Node's own error when the bytes are not a key.
 */
export function importSigningKey(stored: {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly pkcs8: Buffer;
}): SigningKey {
  const privateKey = createPrivateKey({ key: stored.pkcs8, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  requireFit(stored.alg, publicKey);
  return { kid: stored.kid, alg: stored.alg, publicKey, privateKey };
}

/**
 * Imports a key that `exportPublicJwk` wrote.
 *
 * @throws TypeError when the key does not fit its algorithm; Node's own error when the members are not a key.
 */
export function importVerifyKey(jwk: PublicJwk): VerifyKey {
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  requireFit(jwk.alg, publicKey);
  return { kid: jwk.kid, alg: jwk.alg, publicKey };
}

/** The public key as a member of `/.well-known/jwks.json`. */
export function exportPublicJwk(key: VerifyKey): PublicJwk {
  const { x = '', y = '', n = '', e = '' } = publicMembers(key.publicKey);
  const shared = { kid: key.kid, alg: key.alg, use: 'sig' } as const;
  switch (key.alg) {
    case 'ES256':
      return { kty: 'EC', ...shared, crv: 'P-256', x, y };
    case 'EdDSA':
      return { kty: 'OKP', ...shared, crv: 'Ed25519', x };
    case 'RS256':
      return { kty: 'RSA', ...shared, n, e };
  }
}

/** SHA-256 thumbprint (RFC 7638). It depends on the public key only, not on `kid`, `alg` or `use`. */
export function jwkThumbprint(key: Pick<VerifyKey, 'publicKey'>): Promise<string> {
  return calculateJwkThumbprint(publicMembers(key.publicKey), 'sha256');
}

/** Throws for a private KeyObject, whose export would publish the private key. */
function publicMembers(publicKey: KeyObject): JsonWebKey {
  if (publicKey.type !== 'public') throw new TypeError('not a public key');
  return publicKey.export({ format: 'jwk' });
}

/** OpenSSL also signs SHA-256 with P-384, but other implementations reject such an ES256 token. */
function requireFit(alg: SigningAlgorithm, publicKey: KeyObject): void {
  if (!fits(alg, publicKey)) throw new TypeError(`this key is not for ${alg}`);
}

function fits(alg: SigningAlgorithm, publicKey: KeyObject): boolean {
  const details = publicKey.asymmetricKeyDetails;
  switch (alg) {
    case 'ES256':
      return publicKey.asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1';
    case 'EdDSA':
      return publicKey.asymmetricKeyType === 'ed25519';
    case 'RS256':
      return publicKey.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= rsaModulusBits;
  }
}
