/** Apple's client secret: a JWT that we sign with a key of the operator. */
import { createPrivateKey } from 'node:crypto';
import { addSeconds } from '#kernel/clock.ts';
import { importSigningKey, type SigningKey, signJwt } from '#protocol/jose/index.ts';

const lifetimeSeconds = 300;

interface AppleClient {
  readonly clientId: string;
  readonly teamId: string;
  readonly keyId: string;
}

/** The secret for requests of the next five minutes. `pem` is the file that Apple issued (PKCS #8). */
export function appleClientSecret(
  { clientId, teamId, keyId }: AppleClient,
  pem: string,
  { issuer, now }: { readonly issuer: string; readonly now: Date },
): string {
  const seconds = (at: Date) => Math.floor(at.getTime() / 1000);
  const claims = {
    iss: teamId,
    sub: clientId,
    aud: issuer,
    iat: seconds(now),
    exp: seconds(addSeconds(now, lifetimeSeconds)),
  };
  return signJwt({ key: readAppleKey(keyId, pem), typ: 'JWT', claims });
}

/** @throws TypeError or Node's own error when the text is not an ES256 key. */
export function readAppleKey(keyId: string, pem: string): SigningKey {
  const pkcs8 = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return importSigningKey({ kid: keyId, alg: 'ES256', pkcs8 });
}
