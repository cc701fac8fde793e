import fc from 'fast-check';
import { expect, it } from 'vitest';
import { printable, printableJson } from './printable.ts';

const hostile = 'a\u001b[2J\u009b31m\u202eb\u2066c\u0000\r';
const controls = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u;

it('keeps the lines of a text and replaces what a terminal would execute', () => {
  expect(printable(`one ${hostile}\ntwo`)).toBe('one a [2J 31m b c \ntwo');
});

it('prints JSON of the same value without characters that a terminal would execute', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constantFrom(undefined, 2), (value, text, indent) => {
      const data = { value, [`${text}${hostile}`]: `${hostile}${text}` };
      const json = printableJson(data, indent);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(data)));
      expect(json.split('\n').some((line) => controls.test(line))).toBe(false);
    }),
  );
});
