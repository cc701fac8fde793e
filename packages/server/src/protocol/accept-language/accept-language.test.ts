import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wantedLanguages } from './index.ts';

describe('wantedLanguages', () => {
  it.each([
    ['de', ['de']],
    // RFC 9110 §12.5.4
    ['da, en-gb;q=0.8, en;q=0.7', ['da', 'en-gb', 'en']],
    ['en;q=0.7, de-DE, de;q=0.9', ['de-de', 'de', 'en']],
    ['en;q=0.5,fr;q=0.5,de;q=0.5', ['en', 'fr', 'de']],
    [' de\t;\tq=1.000 , , en ; Q=0.001', ['de', 'en']],
    ['de;q=0, en;q=0.000, fr', ['fr']],
    ['*', []],
    ['*, de;q=0.1', ['de']],
    ['zh-Hant-TW', ['zh-hant-tw']],
    ['   de   ,\t\tfr\t ', ['de', 'fr']],
    [' ,, \t,de', ['de']],
    ['de;q=1., fr;q=0.', ['de']],
    [`de,${','.repeat(509)}`, ['de']],
    ['', []],
    [undefined, []],
  ])('parses %j', (header, languages) => {
    expect(wantedLanguages(header)).toEqual(languages);
  });

  it.each([
    'de;q=1.1',
    'de;q=0.1234',
    'de;q=-1',
    'de;q=',
    'de;level=1',
    'de q=1',
    'de_DE',
    'de-',
    '-de',
    'abcdefghi',
    'de-abcdefghi',
    '1de',
    'de;q=1;q=1',
    'de, <script>',
    'd\u00e9',
    'de\nfr',
    `de,${' '.repeat(600)}`,
    `de,${','.repeat(510)}`,
  ])('returns nothing for %j, which breaks the grammar or the limit', (header) => {
    expect(wantedLanguages(header)).toEqual([]);
  });

  it('returns only well-formed ranges for arbitrary text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => {
        for (const range of wantedLanguages(header)) expect(range).toMatch(/^[a-z]{1,8}(-[a-z0-9]{1,8})*$/);
      }),
    );
  });

  it('returns the ranges of a well-formed header by descending weight', () => {
    const range = fc.stringMatching(/^[a-z]{1,8}(-[a-z0-9]{1,8}){0,2}$/);
    const weighted = fc.tuple(range, fc.integer({ min: 1, max: 1000 }));
    fc.assert(
      fc.property(fc.array(weighted, { maxLength: 12 }), (list) => {
        const header = list.map(([tag, weight]) => `${tag};q=${(weight / 1000).toFixed(3)}`).join(', ');
        fc.pre(header.length <= 512);
        const expected = [...list].sort(([, a], [, b]) => b - a).map(([tag]) => tag);
        expect(wantedLanguages(header)).toEqual(expected);
      }),
    );
  });
});
