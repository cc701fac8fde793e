/** What may be a password, checked before anything is hashed. */
import { z } from 'zod';

const minCodePoints = 12;
const maxCodePoints = 128;
const maxBytes = 1024;

/** A password in NFC (NIST SP 800-63B-4 §3.1.1.2). */
export type PasswordInput = string;

/**
 * A new password: 12 to 128 code points and at most 1,024 bytes after NFC.
 * The byte limit is asked first, so that nothing long is ever normalised.
 */
export const passwordInput = z
  .string()
  .max(maxBytes, 'A password has at most 128 characters.')
  .transform((typed) => typed.normalize('NFC'))
  .refine((password) => Array.from(password).length >= minCodePoints, 'A password has at least 12 characters.')
  .refine(
    (password) => Array.from(password).length <= maxCodePoints && Buffer.byteLength(password) <= maxBytes,
    'A password has at most 128 characters.',
  );

/** Why `passwordInput` refuses a password, as the end of a page's message `page.password.<…>`. */
export function passwordComplaint(typed: string): 'too_short' | 'too_long' {
  const isLong = Buffer.byteLength(typed) > maxBytes || Array.from(typed.normalize('NFC')).length >= minCodePoints;
  return isLong ? 'too_long' : 'too_short';
}
