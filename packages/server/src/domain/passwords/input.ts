/** What can be a password under any profile, known before anything else is read. */
import { z } from 'zod';
import { maxBytes, maxLength, minLengthOfAll } from './policy.ts';

/** A password in NFC (NIST SP 800-63B-4 §3.1.1.2). */
export type PasswordInput = string;

/**
 * A new password as far as a schema can know: at least as many code points as the most lenient profile asks, at most 128,
 * and at most 1,024 bytes, after NFC. `PasswordRules` says the rest.
 */
export const passwordInput = z.string().transform((typed, context): PasswordInput => {
  const password = normalizePassword(typed);
  const length = password === undefined ? undefined : Array.from(password).length;
  if (password === undefined || length === undefined || length > maxLength || Buffer.byteLength(password) > maxBytes) {
    return refuse(context, 'too_long', `A password has at most ${maxLength} characters.`);
  }
  if (length >= minLengthOfAll) return password;
  return refuse(context, 'too_short', `A password has at least ${minLengthOfAll} characters.`);
});

function refuse(context: z.RefinementCtx, code: string, message: string): never {
  context.addIssue({ code: 'custom', params: { code }, message });
  return z.NEVER;
}

/** The text in NFC; undefined when it is too long to be normalised at all. */
export function normalizePassword(typed: string): string | undefined {
  return typed.length > maxBytes ? undefined : typed.normalize('NFC');
}
