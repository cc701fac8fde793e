import { generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasLowS, joseSignatureFromDer } from './ecdsa-signature.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** The order of P-256. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Encodes two unsigned integers as DER, independently of the code under test. */
function derOf(r: bigint, s: bigint): Buffer {
  const integer = (value: bigint): Buffer => {
    const hex = value.toString(16);
    const even = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
    const signed = (even[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), even]) : even;
    return Buffer.concat([Buffer.of(0x02, signed.length), signed]);
  };
  const body = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

const coordinate = fc.oneof(
  fc.bigInt({ min: 1n, max: order - 1n }),
  fc.bigInt({ min: 1n, max: 2n ** 250n }),
  fc.bigInt({ min: 1n, max: 2n ** 16n }),
);

describe('joseSignatureFromDer', () => {
  it('returns r‖s of 32 bytes each, with the smaller of s and n − s, for short and long integers', () => {
    fc.assert(
      fc.property(coordinate, coordinate, (r, s) => {
        const lowS = 2n * s > order ? order - s : s;
        const expected = r.toString(16).padStart(64, '0') + lowS.toString(16).padStart(64, '0');
        expect(joseSignatureFromDer(derOf(r, s)).toString('hex')).toBe(expected);
      }),
    );
  });

  it('returns signatures that Node verifies as ieee-p1363', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (message) => {
        const signature = joseSignatureFromDer(sign('sha256', message, privateKey));
        expect(verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('throws RangeError for every other input, without reading beyond its end', () => {
    const der = derOf(2n ** 255n, 2n ** 254n);
    expect(() => joseSignatureFromDer(Buffer.alloc(0))).toThrow(RangeError);
    expect(() => joseSignatureFromDer(der.subarray(0, 40))).toThrow(RangeError);
    expect(() => joseSignatureFromDer(Buffer.concat([der, Buffer.of(0)]))).toThrow(RangeError);
    expect(() => joseSignatureFromDer(derOf(2n ** 256n, 1n))).toThrow(RangeError);
    expect(() => joseSignatureFromDer(derOf(1n, 2n ** 300n))).toThrow(RangeError);
    expect(() => joseSignatureFromDer(derOf(1n, order))).toThrow(RangeError);
    expect(() => joseSignatureFromDer(derOf(1n, 2n ** 256n - 1n))).toThrow(RangeError);
    const [r, s] = [Buffer.of(2, 1, 5), Buffer.of(2, 1, 6)];
    const sequence = (...parts: readonly Uint8Array[]): Buffer => {
      const body = Buffer.concat(parts);
      return Buffer.concat([Buffer.of(0x30, body.length), body]);
    };
    expect(joseSignatureFromDer(sequence(r, s)).toString('hex')).toBe(
      `${'05'.padStart(64, '0')}${'06'.padStart(64, '0')}`,
    );
    const malformed: readonly (readonly [Uint8Array, string])[] = [
      [Buffer.concat([Buffer.of(0x31, 6), r, s]), 'no DER sequence'],
      [Buffer.concat([Buffer.of(0x30, 5), r, s]), 'no DER sequence'],
      [Buffer.concat([Buffer.of(0x30, 7), r, s]), 'no DER sequence'],
      [Buffer.of(0x30), 'no DER sequence'],
      [sequence(), 'no DER integer'],
      [sequence(r), 'no DER integer'],
      [sequence(r, Buffer.of(2)), 'no DER integer'],
      [sequence(Buffer.of(3, 1, 5), s), 'no DER integer'],
      [sequence(r, Buffer.of(3, 1, 6)), 'no DER integer'],
      [sequence(r, s, Buffer.of(0)), 'bytes after the signature'],
      [sequence(r, Buffer.of(2, 2, 6)), 'no integer of 32 bytes'],
      [sequence(Buffer.of(2, 40, 5), s), 'no integer of 32 bytes'],
      [sequence(Buffer.concat([Buffer.of(2, 33, 1), Buffer.alloc(32)]), s), 'no integer of 32 bytes'],
      [derOf(1n, order), 's is beyond the order'],
    ];
    for (const [bytes, reason] of malformed) expect(() => joseSignatureFromDer(bytes)).toThrow(new RangeError(reason));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          expect(joseSignatureFromDer(bytes)).toHaveLength(64);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

describe('hasLowS', () => {
  const withS = (s: bigint) => Buffer.from(`${'ff'.repeat(32)}${s.toString(16).padStart(64, '0')}`, 'hex');
  const half = (order - 1n) / 2n;

  it('is true for s up to half the order of P-256', () => {
    expect([0n, 1n, half - 1n, half].map((s) => hasLowS(withS(s)))).toEqual([true, true, true, true]);
    expect([half + 1n, order - 1n, order, 2n ** 256n - 1n].map((s) => hasLowS(withS(s)))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('is true for exactly one of s and n − s', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: order - 1n }), (s) => {
        expect(hasLowS(withS(s))).not.toBe(hasLowS(withS(order - s)));
      }),
    );
  });
});
