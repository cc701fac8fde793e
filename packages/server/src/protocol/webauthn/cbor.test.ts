import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalMap, type Encodable, encodeCbor } from '#test/webauthn/cbor-encoder.ts';
import { decodeCbor, readCborMap } from './cbor.ts';

const decodeHex = (hex: string) => decodeCbor(Buffer.from(hex, 'hex'));

/** Values within the limits of the decoder: at most four levels. */
const { value: values } = fc.letrec<{ value: Encodable; key: number | string }>((tie) => ({
  key: fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme', maxLength: 300 })),
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.maxSafeInteger().filter((value) => Math.abs(value) < Number.MAX_SAFE_INTEGER),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .uniqueArray(
        fc.tuple(
          tie('key').filter((key) => key !== Number.MAX_SAFE_INTEGER && key !== -Number.MAX_SAFE_INTEGER),
          tie('value'),
        ),
        { selector: ([key]) => key, maxLength: 3 },
      )
      .map(canonicalMap),
  ),
}));

describe('decodeCbor', () => {
  it('returns the value that was encoded', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decodeCbor(encodeCbor(value))).toEqual(value);
      }),
    );
  });

  it('accepts one encoding of each value', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = encodeCbor(value);
        bytes[at % bytes.length] = byte;
        const decoded = decodeCbor(bytes);
        if (decoded !== undefined) expect(encodeCbor(decoded as Encodable)).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  // RFC 8949 Appendix A.
  it.each([
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1000],
    ['1a000f4240', 1_000_000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['20', -1],
    ['3903e7', -1000],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['60', ''],
    ['62c3bc', 'ü'],
    ['44 01020304'.replace(' ', ''), Buffer.from([1, 2, 3, 4])],
    ['8301820203820405', [1, [2, 3], [4, 5]]],
  ])('decodes %s', (hex, value) => {
    expect(decodeHex(hex)).toEqual(value);
  });

  it.each([
    ['no bytes', ''],
    ['a byte after the value', '0000'],
    ['a missing argument', '18'],
    ['a truncated argument', '1903'],
    ['a truncated string', '4401'],
    ['a truncated array', '8201'],
    ['a map without the value of a key', 'a101'],
    ['an array of 2³² elements', '9affffffff'],
    ['a string of 2⁵³ bytes', '5b0020000000000000'],
    ['an integer in more bytes than needed', '1817'],
    ['an integer in two bytes that needs one', '1900ff'],
    ['an integer in four bytes that needs two', '1a0000ffff'],
    ['an integer in eight bytes that needs four', '1b00000000ffffffff'],
    ['an integer of 2⁵³', '1b0020000000000000'],
    ['an integer of −2⁵³', '3b001fffffffffffff'],
    ['a reserved length', '1c'],
    ['an indefinite byte string', '5f4101ff'],
    ['an indefinite text', '7f6161ff'],
    ['an indefinite array', '9f01ff'],
    ['an indefinite map', 'bf0101ff'],
    ['a tag', 'c001'],
    ['undefined', 'f7'],
    ['a simple value in two bytes', 'f815'],
    ['a half-precision number', 'f93c00'],
    ['a single-precision number', 'fa3f800000'],
    ['a double-precision number', 'fb3ff0000000000000'],
    ['a break', 'ff'],
    ['text that is not UTF-8', '61ff'],
    ['text with a surrogate', '63eda080'],
    ['a duplicate key', 'a201000101'],
    ['a duplicate key before another', 'a2010001010200'],
    ['a duplicate text key', 'a2616100616101'],
    ['integer keys in descending order', 'a202000100'],
    ['a negative key before a positive one', 'a220000100'],
    ['a text key before an integer', 'a26161000100'],
    ['a longer key before a shorter one', 'a2626161006162' + '00'],
    ['a key of bytes', 'a1410100'],
    ['a key that is an array', 'a1800100'],
    ['a key that is a boolean', 'a1f400'],
    ['five levels', '8181818180'],
    ['five levels of maps', 'a101a101a101a101a0'],
  ])('rejects %s', (_, hex) => {
    expect(decodeHex(hex)).toBeUndefined();
  });

  it('accepts four levels, of which each is an array or a map', () => {
    expect(decodeHex('81a1018180')).toEqual([new Map([[1, [[]]]])]);
    expect(decodeHex('a101a101a101a0')).toBeInstanceOf(Map);
  });

  it('orders keys by type, then length, then bytes', () => {
    const keys = ['0a', '1864', '20', '617a', '626161'];
    const map = decodeHex(`a5${keys.map((key) => `${key}00`).join('')}`);
    expect([...(map as ReadonlyMap<unknown, unknown>).keys()]).toEqual([10, 100, -1, 'z', 'aa']);
  });
});

describe('readCborMap', () => {
  it('returns the offset after the map, and ignores the bytes around it', () => {
    expect(readCborMap(Buffer.from('ffa10102ff', 'hex'), 1)).toEqual({ value: new Map([[1, 2]]), end: 4 });
  });

  it('rejects a value that is no map, and an offset at the end', () => {
    expect(readCborMap(Buffer.from('8101', 'hex'), 0)).toBeUndefined();
    expect(readCborMap(Buffer.from('a0', 'hex'), 1)).toBeUndefined();
  });
});
