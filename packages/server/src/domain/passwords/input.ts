/** A new password as it is sent. */
import { z } from 'zod';
import { maxBytes } from './policy.ts';

/** Four times what anybody may have; it bounds what the rules are given, not what a password is. */
const maxTyped = 4096;

/**
 * Nearly any text: what a password must be depends on the profile, and a refusal is written in the reader's language, so
 * `PasswordRules` says all of it.
 */
export const passwordInput = z.string().max(maxTyped).meta({
  description:
    'A new password: `GET /api/v1/auth/password-policy` says how long, in code points after NFC, and what else.',
});

/** The text in NFC (NIST SP 800-63B-4 §3.1.1.2); undefined when it is too long to be normalised at all. */
export function normalizePassword(typed: string): string | undefined {
  return typed.length > maxBytes ? undefined : typed.normalize('NFC');
}
