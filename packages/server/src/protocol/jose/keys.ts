import { createPrivateKey, createPublicKey, generateKeyPair, type JsonWebKey, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';

/** RFC 7518 §3.1 and RFC 8037 §3.1; `EdDSA` means Ed25519 here (RFC 9864's fully specified name is not yet widely read). */
export const signingAlgorithms = ['ES256', 'EdDSA', 'RS256'] as const;

export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/** What verifies; the algorithm belongs to the key, never to a token (RFC 8725 §3.1). */
export type VerifyKey = { readonly kid: string; readonly alg: SigningAlgorithm; readonly publicKey: KeyObject };

/** What signs; holds imported KeyObjects, since importing for each signature costs more than signing. */
export type SigningKey = VerifyKey & { readonly privateKey: KeyObject };

/** A public key as it stands in a JWK Set (RFC 7517 §5), private members left out by construction. */
export type PublicJwk = { readonly kid: string; readonly alg: SigningAlgorithm; readonly use: 'sig' } & (
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }
);

/** RFC 7518 §3.3 asks for at least 2048 bits; more doubles the cost of each login for tokens that live minutes. */
const rsaModulusBits = 2048;

const generate = promisify(generateKeyPair);

/** A new key pair in the thread pool, named by its RFC 7638 thumbprint. */
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

/** The private key as PKCS #8 DER (RFC 5958), to be encrypted at once by whoever stores it. */
export function exportPrivateKey(key: SigningKey): Buffer {
  return key.privateKey.export({ format: 'der', type: 'pkcs8' });
}

/**
 * Reads what `exportPrivateKey` wrote.
 *
 * @throws TypeError when the key cannot sign with that algorithm; Node's own error when the bytes are no key.
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
 * Reads what `exportPublicJwk` wrote.
 *
 * @throws TypeError when the key cannot verify its algorithm; Node's own error when the members make no key.
 */
export function importVerifyKey(jwk: PublicJwk): VerifyKey {
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  requireFit(jwk.alg, publicKey);
  return { kid: jwk.kid, alg: jwk.alg, publicKey };
}

/** The public half as a member of `/.well-known/jwks.json`. */
export function exportPublicJwk(key: VerifyKey): PublicJwk {
  const { x = '', y = '', n = '', e = '' } = publicMembers(key.publicKey);
  const about = { kid: key.kid, alg: key.alg, use: 'sig' } as const;
  switch (key.alg) {
    case 'ES256':
      return { kty: 'EC', ...about, crv: 'P-256', x, y };
    case 'EdDSA':
      return { kty: 'OKP', ...about, crv: 'Ed25519', x };
    case 'RS256':
      return { kty: 'RSA', ...about, n, e };
  }
}

/** The key's SHA-256 thumbprint (RFC 7638), the same for both halves and every other member of the JWK. */
export function jwkThumbprint(key: Pick<VerifyKey, 'publicKey'>): Promise<string> {
  return calculateJwkThumbprint(publicMembers(key.publicKey), 'sha256');
}

/** Of a public KeyObject only; exporting a private one here would publish it. */
function publicMembers(publicKey: KeyObject): JsonWebKey {
  if (publicKey.type !== 'public') throw new TypeError('not a public key');
  return publicKey.export({ format: 'jwk' });
}

/** OpenSSL would sign SHA-256 with P-384 as willingly, and the token would be refused by everybody else. */
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
