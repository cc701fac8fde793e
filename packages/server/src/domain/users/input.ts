/** Schemas of a user's own fields, for endpoints. */
import { z } from 'zod';
import { acceptText, type TextProblem } from '#protocol/untrusted-text/index.ts';

const maxNameCodePoints = 200;

const nameComplaints: Readonly<Record<TextProblem, string>> = {
  too_long: `A name has at most ${maxNameCodePoints} characters.`,
  forbidden_character: 'A name has no control or other invisible characters.',
  invisible: 'A name has at least one visible character.',
  stacked_marks: 'A name has at most eight marks on one letter.',
};

/** A display name: 1 to 200 visible characters in NFC (invariant 21). */
export const nameInput = z
  .string()
  .min(1)
  .max(2 * maxNameCodePoints)
  .transform((name, context) => {
    const accepted = acceptText(name, maxNameCodePoints);
    if (accepted.kind === 'ok') return accepted.text;
    context.addIssue({ code: 'custom', message: nameComplaints[accepted.reason] });
    return z.NEVER;
  });

/** A language tag (BCP 47) in a common form: `en`, `pt-BR`, `zh-Hant`, `zh-Hant-TW`. */
export const localeInput = z
  .string()
  .regex(/^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$/, 'Use a language tag such as "en".');
