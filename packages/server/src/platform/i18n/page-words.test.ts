import { expect, it } from 'vitest';
import { Catalogues, pageWords } from './index.ts';

const catalogues = new Catalogues(
  new Map([
    ['en', { hello: 'Hello {name}', at: '{at, date, moment}' }],
    ['de', { hello: 'Hallo {name}', at: '{at, date, moment}' }],
  ]),
);

it.each([
  [[], 'en'],
  [[undefined], 'en'],
  [['de'], 'de'],
  [[undefined, 'fr', 'de-at', 'en'], 'de'],
  [['pt-BR', 'de'], 'de'],
  [['en', 'de'], 'en'],
])('chooses for %j the language %s', (wanted, lang) => {
  expect(pageWords(catalogues, ...wanted).lang).toBe(lang);
});

it('formats a message in the chosen language, with times in UTC', () => {
  const words = pageWords(catalogues, 'de-CH');
  expect(words.say('hello', { name: 'Ada' })).toBe('Hallo Ada');
  expect(words.say('at', { at: new Date('2026-01-02T23:04:05Z') })).toBe('2. Januar 2026 um 23:04 UTC');
});
