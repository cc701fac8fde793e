/**
 * Messages in the reader's language. Owns no table; the catalogues are the JSON files of `packages/server/locales`.
 *
 * Invariants:
 * - `en` is complete, and every other catalogue has the same keys and arguments. A test reads the folder.
 * - An argument is a value and never parsed as a message, so text from a request cannot contain placeholders.
 * - A formatted message is plain text. The HTML template escapes it.
 */
export type { Brand, Look } from './brand.ts';
export { Catalogues, type MessageArguments, readCatalogues } from './catalogues.ts';
export { type NamedDevice, sayDevice } from './device.ts';
export { directionOf } from './direction.ts';
export { TextsUnusable } from './own-texts.ts';
export { languagesOf, type PageLanguage, type PageWords, pageWords } from './page-words.ts';
