/** The text of a recovery code: 120 random bits in Crockford's base 32, in four groups of six characters. */
import { randomBytes } from 'node:crypto';
import { decodeBase32, encodeBase32, groupCharacters } from '#protocol/base32/index.ts';

const codeBytes = 15;
const groupLength = 6;
/** Longer texts are no code, however they are grouped. */
const maxTypedLength = 100;

/** Returns a new code in its canonical form, without separators. */
export function newRecoveryCode(): string {
  return encodeBase32(randomBytes(codeBytes), 'crockford');
}

/** Formats a canonical code as it is shown: `8K3F2A-9QTZ4M-7HXW1C-5NBD6R`. */
export function showRecoveryCode(canonical: string): string {
  return groupCharacters(canonical, groupLength, '-');
}

/** Parses a typed code, in any case and grouping. Returns the canonical form, or null for any other text. */
export function parseRecoveryCode(typed: string): string | null {
  if (typed.length > maxTypedLength) return null;
  const bytes = decodeBase32(typed, 'crockford');
  return bytes?.length === codeBytes ? encodeBase32(bytes, 'crockford') : null;
}
