import { randomBytes, timingSafeEqual } from 'node:crypto';
import { encodeBase32, groupCharacters } from '#protocol/base32/index.ts';
import { hotp } from './hotp.ts';

/** RFC 4226 §4 recommends 160 bits, the output length of SHA-1. */
const secretBytes = 20;
const stepSeconds = 30;
const digits = 6;

/** RFC 6238 §5.2 recommends one step for the delay of the network; one ahead allows for a fast clock. */
const window = [-1, 0, 1] as const;

/** Draws a new shared secret. It is a credential: the caller encrypts it before it is stored. */
export function newTotpSecret(): Buffer {
  return randomBytes(secretBytes);
}

/** The secret in base 32 in groups of four, for people who type it: `JBSW Y3DP …`. Apps ignore the spaces. */
export function totpSecretText(secret: Uint8Array): string {
  return groupCharacters(encodeBase32(secret, 'rfc4648'), 4);
}

/**
 * The URI that authenticator apps scan: `otpauth://totp/{issuer}:{account}?secret=…&issuer=…`. It omits algorithm, digits
 * and period, because their defaults are the values of this module.
 * Source: https://github.com/google/google-authenticator/wiki/Key-Uri-Format
 *
 * @param label The issuer must not contain a colon in that format, so colons in it are dropped.
 */
export function totpUri(label: {
  readonly issuer: string;
  readonly account: string;
  readonly secret: Uint8Array;
}): string {
  const issuer = encodeURIComponent(label.issuer.toWellFormed().replaceAll(':', ''));
  const account = encodeURIComponent(label.account.toWellFormed());
  return `otpauth://totp/${issuer}:${account}?secret=${encodeBase32(label.secret, 'rfc4648')}&issuer=${issuer}`;
}

/**
 * The time step (RFC 6238 §4.2) whose code this is, among the current one and its two neighbors; undefined for a wrong code.
 * The latest of several matching steps is returned. It compares in constant time with all three candidates. It does not
 * prevent replays: the caller accepts a step only when it is greater than the last one that the user used.
 *
 * @param code six ASCII digits; spaces are ignored, because apps display the code in two groups.
 */
export function matchingStep(secret: Uint8Array, code: string, now: Date): number | undefined {
  const typed = code.replaceAll(' ', '');
  if (!/^[0-9]{6}$/.test(typed)) return undefined;
  const current = Math.floor(now.getTime() / 1000 / stepSeconds);
  let matching: number | undefined;
  for (const offset of window) {
    const isEqual = timingSafeEqual(Buffer.from(hotp(secret, current + offset, digits)), Buffer.from(typed));
    matching = isEqual ? current + offset : matching;
  }
  return matching;
}
