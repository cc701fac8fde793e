/** The browser or application that requested a link or code. A secret that only it received identifies it. */
import { randomBytes } from 'node:crypto';
import { formatSecret, hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

/**
 * The lifetime of a browser's secret, from its last request. It outlives every link, code and challenge that is bound to it,
 * and no login ends it: of three tabs that wait for a sign-in, the other two must still go on.
 */
export const browserSecretSeconds = 30 * 60;

/** The secret, and the hash that is stored with the link or code. */
export interface RequestingBrowser {
  readonly secret: string;
  readonly hash: Buffer;
}

/** Returns undefined for a missing or malformed secret. */
export function readBrowser(secret: string | undefined): RequestingBrowser | undefined {
  if (secret === undefined || parseSecret(secretPrefixes.loginBrowser, secret) === null) return undefined;
  return { secret, hash: hashSecret(secret) };
}

/** Makes the secret of a browser's first request. */
export function newBrowser(): RequestingBrowser {
  const secret = formatSecret(secretPrefixes.loginBrowser, randomBytes(32));
  return { secret, hash: hashSecret(secret) };
}
