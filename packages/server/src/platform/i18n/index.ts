/**
 * Words in the reader's language. Owns no table; the catalogues are the JSON files of `packages/server/locales`.
 * Invariants: `en` is complete and every other catalogue has the same keys and arguments (a test over the folder); an
 * argument is a value and is never read as a message, so a person's text cannot bring placeholders along; what comes out
 * is plain text, and whoever puts it into HTML escapes it.
 */
export { Catalogues, type MessageArguments, readCatalogues } from './catalogues.ts';
export { type PageWords, pageWords } from './page-words.ts';
