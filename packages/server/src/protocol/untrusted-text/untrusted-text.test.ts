import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptText, oneLine } from './index.ts';

const reasonOf = (text: string) => {
  const result = acceptText(text, 200);
  return result.kind === 'ok' ? `ok: ${result.text}` : result.reason;
};

describe('acceptText', () => {
  it.each([
    'Ada',
    'María José',
    '王秀英',
    "O'Brien-Smith",
    '<b>Ada</b>',
    '😀',
    'می‌خواهم',
    'क्‍ष',
    '👩‍👩‍👧',
    '❤️',
    'Tiếng Việt',
    '⠓⠑⠇⠇⠕',
  ])('accepts %s', (text) => {
    expect(reasonOf(text)).toBe(`ok: ${text.normalize('NFC')}`);
  });

  it('returns NFC without white space around it', () => {
    expect(reasonOf(' Jose\u0301\u00a0')).toBe('ok: Jos\u00e9');
  });

  it.each([
    ['a line break', 'a\nb', 'forbidden_character'],
    ['an escape', 'a\u001b[2Jb', 'forbidden_character'],
    ['a C1 control', 'a\u009b2Jb', 'forbidden_character'],
    ['a line separator', 'a\u2028b', 'forbidden_character'],
    ['an override', 'a\u202eb', 'forbidden_character'],
    ['an isolate', 'a\u2066b\u2069', 'forbidden_character'],
    ['a mark of direction', 'a\u200fb', 'forbidden_character'],
    ['a zero-width space', 'a\u200bb', 'forbidden_character'],
    ['a byte order mark', '\ufeffa b', 'ok: a b'],
    ['a word joiner', 'a\u2060b', 'forbidden_character'],
    ['a soft hyphen', 'a\u00adb', 'forbidden_character'],
    ['a tag', 'a\u{e0041}b', 'forbidden_character'],
    ['a variation selector of ideographs', '王\u{e0100}', 'forbidden_character'],
    ['a Hangul filler', '\u3164', 'forbidden_character'],
    ['a grapheme joiner', 'a\u034fb', 'forbidden_character'],
    ['a lone surrogate', '\ud800', 'forbidden_character'],
    ['private use', '\ue000', 'forbidden_character'],
    ['a noncharacter', 'a\ufdd0', 'forbidden_character'],
    ['nothing', '', 'invisible'],
    ['white space', ' \u00a0\u3000', 'invisible'],
    ['joiners only', '\u200d\u200c', 'invisible'],
    ['a blank pattern', '\u2800\u2800', 'invisible'],
    ['a mark without a letter', '\u0301', 'invisible'],
    ['many marks', `a${'\u0301'.repeat(10)}`, 'stacked_marks'],
    ['many letters', 'a'.repeat(201), 'too_long'],
    ['very many letters', 'a'.repeat(1_000_000), 'too_long'],
  ])('%s: %j is %s', (_, text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });

  it('counts code points', () => {
    expect(reasonOf('😀'.repeat(200))).toBe(`ok: ${'😀'.repeat(200)}`);
    expect(reasonOf('😀'.repeat(201))).toBe('too_long');
  });

  it('accepts its own result unchanged, and every accepted text is printed as it is, for every input', () => {
    const units = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: 'grapheme', maxLength: 60 }),
    );
    fc.assert(
      fc.property(units, (input) => {
        const first = acceptText(input, 200);
        if (first.kind === 'invalid') return;
        expect(acceptText(first.text, 200)).toEqual(first);
        expect(Buffer.from(first.text).toString()).toBe(first.text);
        expect(/[\p{Cc}\p{Bidi_Control}]/u.test(first.text)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('oneLine', () => {
  it('replaces what a terminal or a mail program would execute, and nothing else', () => {
    expect(oneLine('a\u001b[31mred\u009b0m\r\nb\u202ec\u0000')).toBe('a [31mred 0m b c ');
    expect(oneLine('می‌خواهم ❤️ 👩‍👧 Łukasz')).toBe('می‌خواهم ❤️ 👩‍👧 Łukasz');
  });

  it('returns one line without controls for every input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(oneLine(text))).toBe(false);
      }),
    );
  });
});
