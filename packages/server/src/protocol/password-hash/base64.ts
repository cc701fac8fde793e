/** Strict readers of the base64 variants in encoded hashes: each byte string has exactly one accepted text. */

/** The PHC format's B64: base64 without padding. */
export function encodeB64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

/** Returns null for an impossible length and for non-zero trailing bits, both of which Buffer ignores. */
export function decodeB64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return encodeB64(bytes) === text ? bytes : null;
}

/** Decodes base64 with padding (RFC 4648 §4); returns null for every other text. */
export function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** The alphabet of crypt(3), in the order of the values 0 to 63. */
const cryptAlphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Encodes bytes as crypt(3) does: groups of three, the first byte lowest, and the lowest 6 bits first. */
export function encodeCrypt64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const group = bytes.subarray(at, at + 3);
    let value = (group[0] ?? 0) | ((group[1] ?? 0) << 8) | ((group[2] ?? 0) << 16);
    for (let characters = group.length + 1; characters > 0; characters -= 1) {
      text += cryptAlphabet[value & 63];
      value >>>= 6;
    }
  }
  return text;
}

/** The value of a character of crypt(3)'s alphabet; -1 for every other one. */
export function cryptValue(character: string): number {
  return cryptAlphabet.indexOf(character);
}
