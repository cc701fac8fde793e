import type { Brand } from './brand.ts';
import type { Catalogues, MessageArguments } from './catalogues.ts';

/** The messages of one page in one language. */
export interface PageWords {
  /** The page's `lang` attribute. */
  readonly lang: string;
  readonly dir: 'ltr' | 'rtl';
  readonly brand: Brand;
  /** Formats a message as plain text, which `html` escapes. */
  readonly say: (key: string, values?: MessageArguments) => string;
}

/** `wanted` is in order of preference; the first language with a catalogue is used, else `en`. */
export function pageWords(catalogues: Catalogues, ...wanted: readonly (string | undefined)[]): PageWords {
  const lang = catalogues.choose(wanted.filter((language) => language !== undefined));
  return {
    lang,
    dir: directionOf(lang),
    brand: catalogues.brand,
    say: (key, values) => catalogues.format(lang, key, values),
  };
}

/** The direction in which a language is written. */
export function directionOf(lang: string): 'ltr' | 'rtl' {
  return new Intl.Locale(lang).getTextInfo().direction === 'rtl' ? 'rtl' : 'ltr';
}
