import { decodeBase64 } from './base64.ts';
import { type Pbkdf2Hash, pbkdf2Hash } from './pbkdf2.ts';

/** Django's `PBKDF2PasswordHasher`: the salt is text, the tag is base64 with padding. */
const form = /^pbkdf2_(sha1|sha256)\$([1-9][0-9]{0,9})\$([!-#%-~]{1,128})\$([A-Za-z0-9+/]{22,172}={0,2})$/;

/** Parses a PBKDF2 hash of Django; returns null for every other text. */
export function parseDjango(text: string): Pbkdf2Hash | null {
  const match = form.exec(text);
  if (match === null) return null;
  const digest = match[1] === 'sha1' ? 'sha1' : 'sha256';
  return pbkdf2Hash(digest, Number(match[2]), Buffer.from(match[3] ?? '', 'utf8'), decodeBase64(match[4] ?? ''));
}
