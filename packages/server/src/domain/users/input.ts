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

const localeForm = /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-(?:[A-Z]{2}|\d{3}))?(-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*$/;

/**
 * A language tag (BCP 47) without extensions, in canonical form: `en`, `pt-BR`, `es-419`, `zh-Hant-TW`. Other spellings are
 * accepted, also those of POSIX: `pt-br`, `en_US`.
 */
export const localeInput = z
  .string()
  .max(35)
  .transform((typed, context) => {
    const canonical = canonicalLocale(typed);
    if (canonical !== undefined) return canonical;
    context.addIssue({ code: 'custom', message: 'Use a language tag such as "en" or "pt-BR".' });
    return z.NEVER;
  });

function canonicalLocale(typed: string): string | undefined {
  const tag = typed.replaceAll('_', '-');
  if (!/^[A-Za-z]{2,3}(?:-[A-Za-z\d]{2,8})*$/.test(tag)) return undefined;
  try {
    const [canonical = ''] = Intl.getCanonicalLocales(tag);
    return canonical.length <= 35 && localeForm.test(canonical) ? canonical : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The first language that is a locale; `en` when there is none. */
export function firstLocale(languages: readonly string[]): string {
  const locales = languages.flatMap((language) => localeInput.safeParse(language).data ?? []);
  return locales[0] ?? 'en';
}
