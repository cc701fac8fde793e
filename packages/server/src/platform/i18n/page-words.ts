/** The words of one page for one reader. */
import type { Catalogues, MessageArguments } from './catalogues.ts';

/** What a page says, in one language. */
export interface PageWords {
  /** For the page's `lang`. */
  readonly lang: string;
  /** A message, filled in; plain text, which `html` escapes. */
  readonly say: (key: string, values?: MessageArguments) => string;
}

/**
 * Words for somebody who wants these languages, the most wanted first; the first that there is a catalogue for counts,
 * else `en`. A flow names the user's own language first, when the link is alive, and the browser's after it:
 * `pageWords(flow.catalogues, link?.locale, ...wantedLanguages(caller.acceptLanguage))`.
 */
export function pageWords(catalogues: Catalogues, ...wanted: readonly (string | undefined)[]): PageWords {
  const lang = catalogues.choose(wanted.filter((language) => language !== undefined));
  return { lang, say: (key, values) => catalogues.format(lang, key, values) };
}
