import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localeInput, nameInput } from './index.ts';

describe('a name', () => {
  it.each(['Ada', 'Ada Lovelace', 'María José', '王秀英', "O'Brien-Smith", '<b>Ada</b>', '😀'])(
    'accepts %j',
    (name) => {
      expect(nameInput.parse(name)).toBe(name);
    },
  );

  it.each(['', ' ', '\u00a0', 'a\nb', 'a\u0000b', 'a\u0085b', 'a\u2028b', '\ud800', 'a'.repeat(201)])(
    'rejects %j',
    (name) => {
      expect(nameInput.safeParse(name).success).toBe(false);
    },
  );

  it('is stored in NFC', () => {
    expect(nameInput.parse('Jose\u0301')).toBe('Jos\u00e9');
  });

  it('is valid UTF-8 and stays the same when it is parsed again, for every input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (typed) => {
        const parsed = nameInput.safeParse(typed);
        if (!parsed.success) return;
        expect(Buffer.from(parsed.data).toString()).toBe(parsed.data);
        expect(nameInput.parse(parsed.data)).toBe(parsed.data);
      }),
    );
  });
});

describe('a locale', () => {
  it.each(['en', 'pt-BR', 'zh-Hant', 'zh-Hant-TW', 'haw'])('accepts %j', (locale) => {
    expect(localeInput.parse(locale)).toBe(locale);
  });

  it.each([
    ['es-419', 'es-419'],
    ['en_US', 'en-US'],
    ['pt-br', 'pt-BR'],
    ['EN', 'en'],
    ['zh_hant_tw', 'zh-Hant-TW'],
    ['ca-valencia', 'ca-valencia'],
    ['de-1996', 'de-1996'],
    ['iw', 'he'],
  ])('accepts %j as %j', (typed, locale) => {
    expect(localeInput.parse(typed)).toBe(locale);
    expect(localeInput.parse(locale)).toBe(locale);
  });

  it.each([
    '',
    'e',
    'en-',
    '_en',
    'en--US',
    'en-US-x-private',
    'en-u-ca-buddhist',
    'en\n',
    ' en',
    '../en',
    'en_US.UTF-8',
    'x-a',
  ])('rejects %j', (locale) => {
    expect(localeInput.safeParse(locale).success).toBe(false);
  });

  it('is canonical, short and stays the same when it is parsed again, for every input', () => {
    const parts = fc.constantFrom('en', 'de', 'US', '419', 'Hant', 'latn', '1996', 'valencia', 'u', 'x', '-', '_', 'é');
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 9 }), (pieces) => {
        const parsed = localeInput.safeParse(pieces.join(''));
        if (!parsed.success) return;
        expect(parsed.data.length).toBeLessThanOrEqual(35);
        expect(localeInput.parse(parsed.data)).toBe(parsed.data);
      }),
    );
  });
});
