/** The language and the words of a page's reader. */
import type { Caller } from '#platform/http/index.ts';
import { type Catalogues, languagesOf, type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

/**
 * A language that the reader chose here goes before the user's own, and that before the browser's.
 *
 * @param own the language of the user, where the page knows it.
 */
export function wordsOf(
  catalogues: Catalogues,
  { acceptLanguage, chosenLanguage, ownQuery }: Pick<Caller, 'acceptLanguage' | 'chosenLanguage' | 'ownQuery'>,
  own?: string,
): PageWords {
  const words = pageWords(catalogues, chosenLanguage, own, ...wantedLanguages(acceptLanguage));
  return ownQuery === undefined ? words : { ...words, languages: languagesOf(catalogues, ownQuery) };
}
