import { z } from 'zod';
import { maxBytes } from './policy.ts';

/** Four times `maxBytes`: bounds the work of the rules, which report `too_long` themselves. */
const maxInputCharacters = 4096;

/**
 * The schema of a new password in a request. It accepts nearly any text: the rules depend on the profile, and
 * `PasswordRules` explains a rejection in the user's language, which a schema cannot.
 */
export const passwordInput = z.string().max(maxInputCharacters).meta({
  description:
    'A new password; its rules are at `GET /api/v1/auth/password-policy`. Lengths count code points after NFC.',
});

/** Returns the text in NFC (NIST SP 800-63B-4 §3.1.1.2); undefined when it is longer than `maxBytes`. */
export function normalizePassword(typed: string): string | undefined {
  return typed.length > maxBytes ? undefined : typed.normalize('NFC');
}
