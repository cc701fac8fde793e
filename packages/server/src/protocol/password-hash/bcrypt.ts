/** A bcrypt hash in modular crypt format. */
export type BcryptHash = {
  readonly kind: 'bcrypt';
  readonly cost: number;
  /** The text with zero in the unused bits of salt and tag. */
  readonly canonical: string;
};

/**
 * `$2a$`, `$2b$` or `$2y$`, cost 4 to 31; not `$2x$`, which marks hashes of a faulty implementation.
 * Some implementations set the unused bits of the salt's last character, and other libraries compare them.
 */
const form =
  /^(\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21})([./A-Za-z0-9])([./A-Za-z0-9]{30})([./A-Za-z0-9])$/;

const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Parses a bcrypt hash; returns null for every other text. */
export function parseBcrypt(text: string): BcryptHash | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [, start = '', cost, saltEnd = '', tag = '', tagEnd = ''] = match;
  // 16 bytes of salt leave 4 bits of the last character unused, 23 bytes of tag leave 2.
  const canonical = start + withoutBits(saltEnd, 4) + tag + withoutBits(tagEnd, 2);
  return { kind: 'bcrypt', cost: Number(cost), canonical };
}

function withoutBits(character: string, bits: number): string {
  return alphabet.charAt((alphabet.indexOf(character) >> bits) << bits);
}
