/**
 * Base 32 in two alphabets: RFC 4648 §6 for the TOTP secrets that authenticator apps read, and Crockford's for the recovery
 * codes that people copy from paper.
 * Invariants: encoding has no padding; decoding accepts lower case, spaces and hyphens, and rejects every other character,
 * impossible lengths and non-zero trailing bits, so that bytes have one text apart from case and grouping.
 * Example: the ASCII bytes of "foobar" are `MZXW6YTBOI` in RFC 4648 and `CSQPYRK1E8` in Crockford's alphabet.
 */

/** RFC 4648 §6, and https://www.crockford.com/base32.html, without I, L, O and U. */
const alphabets = {
  rfc4648: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
  crockford: '0123456789ABCDEFGHJKMNPQRSTVWXYZ',
} as const;

/** Typed characters and their values. Not by `toUpperCase`, which turns ſ (U+017F) into S. */
const values = {
  rfc4648: valuesOf(alphabets.rfc4648),
  crockford: valuesOf(alphabets.crockford, { O: '0', o: '0', I: '1', i: '1', L: '1', l: '1' }),
} as const;

function valuesOf(alphabet: string, aliases: Readonly<Record<string, string>> = {}): ReadonlyMap<string, number> {
  const typed = Array.from(alphabet).flatMap((character, value) => [
    [character, value] as const,
    [character.toLowerCase(), value] as const,
  ]);
  return new Map([
    ...typed,
    ...Object.entries(aliases).map(([alias, character]) => [alias, alphabet.indexOf(character)] as const),
  ]);
}

export type Base32Alphabet = keyof typeof alphabets;

const bitsPerCharacter = 5;

/** Encodes without padding: `⌈8n / 5⌉` upper-case characters for n bytes. */
export function encodeBase32(bytes: Uint8Array, alphabet: Base32Alphabet): string {
  const characters = alphabets[alphabet];
  let text = '';
  let buffered = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffered = (buffered << 8) | byte;
    for (bits += 8; bits >= bitsPerCharacter; bits -= bitsPerCharacter) {
      text += characters.charAt((buffered >>> (bits - bitsPerCharacter)) & 31);
    }
    buffered &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + characters.charAt(buffered << (bitsPerCharacter - bits));
}

/**
 * Decodes a typed text; returns null when it is not an encoding of bytes. Time is linear in the length.
 * In Crockford's alphabet O is read as 0, and I and L as 1.
 */
export function decodeBase32(text: string, alphabet: Base32Alphabet): Buffer | null {
  const characters = text.replaceAll(/[ -]/g, '');
  const bytes = Buffer.alloc(Math.floor((characters.length * bitsPerCharacter) / 8));
  let length = 0;
  let buffered = 0;
  let bits = 0;
  for (const character of characters) {
    const value = values[alphabet].get(character);
    if (value === undefined) return null;
    buffered = (buffered << bitsPerCharacter) | value;
    bits += bitsPerCharacter;
    if (bits >= 8) {
      bits -= 8;
      bytes[length] = buffered >>> bits;
      length += 1;
    }
    buffered &= (1 << bits) - 1;
  }
  // A whole unused character, or a set unused bit, is no output of the encoder.
  return bits < bitsPerCharacter && buffered === 0 ? bytes : null;
}

/** Splits a text into groups of `size` characters for reading: `ABCDEFGH` by 4 is `ABCD EFGH`. */
export function groupCharacters(text: string, size: number, separator: ' ' | '-' = ' '): string {
  const groups = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
    text.slice(at * size, (at + 1) * size),
  );
  return groups.join(separator);
}
