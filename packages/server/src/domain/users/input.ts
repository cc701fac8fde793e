/** Schemas of a user's own fields, for endpoints. */
import { z } from 'zod';

/** A display name: 1 to 200 characters in NFC, without control characters, line breaks and lone surrogates. */
export const nameInput = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'A name has no control characters.')
  .regex(/\S/u, 'A name is not only white space.')
  .transform((name) => name.normalize('NFC'));

/** A language tag (BCP 47) in a common form: `en`, `pt-BR`, `zh-Hant`, `zh-Hant-TW`. */
export const localeInput = z
  .string()
  .regex(/^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$/, 'Use a language tag such as "en".');
