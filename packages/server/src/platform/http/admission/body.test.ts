import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '#kernel/problem.ts';
import { readForm, readKnownPairs } from './body.ts';

describe('readForm', () => {
  it('parses what URLSearchParams writes', () => {
    const names = fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__');
    const form = fc.uniqueArray(fc.tuple(names, fc.string({ unit: 'grapheme' })), { selector: ([name]) => name });
    fc.assert(
      fc.property(form, (pairs) => {
        const text = new URLSearchParams(pairs).toString();
        expect(new Map(Object.entries(readForm(text)))).toEqual(new Map(pairs));
      }),
    );
  });

  it('parses or rejects any text, and throws nothing but a Problem', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(readForm(text)).toBeTypeOf('object');
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      }),
    );
  });

  it('reads a name without a value as empty', () => {
    expect({ ...readForm('verbose&a=') }).toEqual({ verbose: '', a: '' });
  });
});

describe('readKnownPairs', () => {
  it('parses the known names as readForm does, and any other text not at all', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !/(^|&)token(=|&|$)/.test(text)),
        (text) => {
          expect({ ...readKnownPairs(`${text}&token=a%20b`, new Set(['token'])) }).toEqual({ token: 'a b' });
        },
      ),
    );
  });
});
