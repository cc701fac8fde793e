import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUtf8Type, parseMediaType } from './media-type.ts';

const json = 'application/json';

describe('isUtf8Type', () => {
  it.each([
    'application/json',
    'application/json;',
    'application/json; ',
    'application/json;;',
    'application/json ; charset=utf-8',
    'application/json; charset=utf8',
    'application/json; charset="UTF-8"',
    'APPLICATION/JSON ; CharSet="utf\\-8";',
    'application/json; odata.metadata=minimal',
    'application/json;odata.metadata=minimal;charset=UTF8;x="a;charset=latin1"',
  ])('accepts %j', (value) => {
    expect(isUtf8Type(value, json)).toBe(true);
  });

  it.each([
    '',
    ';',
    'application',
    'application/',
    'application/json, text/html',
    'application/jsonp',
    'application/problem+json',
    'text/json',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/json; charset=""',
    'application/json; charset',
    'application/json; charset=',
    'application/json; charset = utf-8',
    'application/json; charset="utf-8',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json; charset=utf-8; charset=utf-8',
    'application/json; charset=utf-8 x',
    `application/json; x=${'a'.repeat(300)}`,
  ])('rejects %j', (value) => {
    expect(isUtf8Type(value, json)).toBe(false);
  });
});

describe('parseMediaType', () => {
  it('reads the charset that a quoted string writes, whatever it contains', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '"', ';', '\\', ' ', '\t', '=', ','), maxLength: 20 });
    fc.assert(
      fc.property(text, text, (charset, other) => {
        const write = (value: string) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
        const value = `Text/Plain;x=${write(other)} ;charset=${write(charset)}`;
        expect(parseMediaType(value)).toEqual({ essence: 'text/plain', charset });
      }),
    );
  });

  it('parses or rejects any text', () => {
    const pieces = fc.constantFrom('application/json', ';', ' ', '\t', '=', '"', '\\', 'charset', 'utf-8', 'é', '/');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const type = parseMediaType(parts.join(''));
        if (type !== undefined) expect(type.essence).toMatch(/^[^/]+\/[^/]+$/);
      }),
    );
  });
});
