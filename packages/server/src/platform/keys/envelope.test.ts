import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionFailed } from '#kernel/assert.ts';
import { contextOf, encodeContext, envelopeBytes, open, readKeyId, seal } from './envelope.ts';

const key = { id: '0190f0a0-1111-7222-8333-444455556666', key: createSecretKey(randomBytes(32)) };
const context = contextOf({ table: 'passwords', column: 'phc', row: '42' });

describe('an envelope', () => {
  it('opens to the plaintext, for every plaintext and context', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(fc.string()), (plaintext, anyContext) => {
        const sealed = seal(key, plaintext, anyContext);
        expect(sealed).toHaveLength(plaintext.length + envelopeBytes);
        expect(readKeyId(sealed)).toBe(key.id);
        expect(open(key, sealed, anyContext)).toEqual(Buffer.from(plaintext));
      }),
    );
  });

  it('encodes text as UTF-8', () => {
    expect(open(key, seal(key, 'Grüße', context), context).toString()).toBe('Grüße');
  });

  it('differs for equal plaintexts', () => {
    expect(seal(key, 'a', context).equals(seal(key, 'a', context))).toBe(false);
  });

  it('does not open when any bit is flipped', () => {
    const sealed = seal(key, 'abc', context);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => open(key, changed, context)).toThrow(AssertionFailed);
    }
  });

  it('does not open when truncated or extended', () => {
    const sealed = seal(key, 'abc', context);
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => open(key, sealed.subarray(0, length), context)).toThrow(AssertionFailed);
    }
    expect(() => open(key, Buffer.concat([sealed, Buffer.of(0)]), context)).toThrow(AssertionFailed);
  });

  it.each([
    [{ table: 'totp', column: 'phc', row: '42' }],
    [{ table: 'passwords', column: 'old', row: '42' }],
    [{ table: 'passwords', column: 'phc', row: '43' }],
    [{ table: 'passwordsp', column: 'hc', row: '42' }],
  ])('does not open with the associated data %j', (other) => {
    expect(() => open(key, seal(key, 'abc', context), contextOf(other))).toThrow(AssertionFailed);
  });

  it('does not open with another key of the same id', () => {
    const other = { id: key.id, key: createSecretKey(randomBytes(32)) };
    expect(() => open(other, seal(key, 'abc', context), context)).toThrow(AssertionFailed);
  });
});

describe('encodeContext', () => {
  it('returns different bytes for different lists', () => {
    const parts = fc.array(fc.string({ maxLength: 3, unit: fc.constantFrom('a', '\u0000', '\u0001') }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(encodeContext(a).equals(encodeContext(b))).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});
