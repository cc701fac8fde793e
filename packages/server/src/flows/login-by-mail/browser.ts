/** The browser, or application, that asked: known by a secret that it alone was given. */
import { randomBytes } from 'node:crypto';
import { formatSecret, hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

/** Its secret, and what is stored of it. */
export interface AskingBrowser {
  readonly secret: string;
  readonly hash: Buffer;
}

/** Who shows this secret; undefined when there is none, or none of ours. */
export function readBrowser(secret: string | undefined): AskingBrowser | undefined {
  if (secret === undefined || parseSecret(secretPrefixes.loginBrowser, secret) === null) return undefined;
  return { secret, hash: hashSecret(secret) };
}

/** A browser that asks for the first time. */
export function newBrowser(): AskingBrowser {
  const secret = formatSecret(secretPrefixes.loginBrowser, randomBytes(32));
  return { secret, hash: hashSecret(secret) };
}
