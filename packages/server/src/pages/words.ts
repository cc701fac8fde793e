/** The language and the words of a page's reader. */
import type { Caller } from '#platform/http/index.ts';
import { type Catalogues, type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

/** @param own the language of the user, where the page knows it: it goes before the browser's. */
export function wordsOf(catalogues: Catalogues, caller: Pick<Caller, 'acceptLanguage'>, own?: string): PageWords {
  return pageWords(catalogues, own, ...wantedLanguages(caller.acceptLanguage));
}
