/** A language for tests that runs right to left. It is not shipped. */
import { readFileSync } from 'node:fs';
import { type Brand, Catalogues } from '#platform/i18n/index.ts';

const alphabet = 'אבגדהוזחטיכלמנסעפצקרשתםןףץ';

/**
 * Every letter of a message outside of its placeholders as a Hebrew one: "Sign in to {service}". The branches of plurals stay as
 * they are, since the tests look at directions and not at words.
 */
function mirrored(message: string): string {
  let depth = 0;
  return message.replace(/[{}A-Za-z]/g, (character) => {
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    if (depth > 0 || character === '}') return character;
    return alphabet[character.toLowerCase().charCodeAt(0) - 97] ?? character;
  });
}

/** The shipped languages, and this one as `he`. */
export function cataloguesWithRightToLeft(brand: Brand): Catalogues {
  const read = (locale: string) => {
    const file = new URL(`../../locales/${locale}.json`, import.meta.url);
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  };
  const english = read('en');
  const hebrew = Object.fromEntries(Object.entries(english).map(([key, message]) => [key, mirrored(message)]));
  return new Catalogues(
    new Map([
      ['en', english],
      ['de', read('de')],
      ['he', hebrew],
    ]),
    brand,
  );
}
