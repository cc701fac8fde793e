import type { Brand } from './brand.ts';
import type { Catalogues, MessageArguments } from './catalogues.ts';
import { directionOf } from './direction.ts';

/** The messages of one page in one language. */
export interface PageWords {
  /** The page's `lang` attribute. */
  readonly lang: string;
  readonly dir: 'ltr' | 'rtl';
  readonly brand: Brand;
  readonly hides: Catalogues['hides'];
  /** The same page in each language, this one among them. None where there is no such address. */
  readonly languages: readonly PageLanguage[];
  /** Formats a message as plain text, which `html` escapes. */
  readonly say: (key: string, values?: MessageArguments) => string;
}

export interface PageLanguage {
  readonly lang: string;
  readonly dir: 'ltr' | 'rtl';
  /** The language's name in itself. */
  readonly name: string;
  /** A query: a relative address, which keeps the path. */
  readonly address: string;
}

/** `wanted` is in order of preference; the first language with a catalogue is used, else `en`. */
export function pageWords(catalogues: Catalogues, ...wanted: readonly (string | undefined)[]): PageWords {
  const lang = catalogues.choose(wanted.filter((language) => language !== undefined));
  return {
    lang,
    dir: directionOf(lang),
    brand: catalogues.brand,
    hides: catalogues.hides,
    languages: [],
    say: (key, values) => catalogues.format(lang, key, values),
  };
}

/** The address of a page in each language: its own query, with `ui_locales`. */
export function languagesOf(
  { locales }: Pick<Catalogues, 'locales'>,
  ownQuery: Readonly<Record<string, string>>,
): readonly PageLanguage[] {
  return locales.map((lang) => {
    const name = new Intl.DisplayNames([lang], { type: 'language' }).of(lang) ?? lang;
    const query = new URLSearchParams({ ...ownQuery, ui_locales: lang });
    const [first = '', ...rest] = name;
    return {
      lang,
      dir: directionOf(lang),
      name: first.toLocaleUpperCase(lang) + rest.join(''),
      address: `?${query.toString()}`,
    };
  });
}
