import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatQuota, parseQuota } from './index.ts';

describe('parseQuota', () => {
  it.each([
    ['100/15m', 100, 900],
    ['5/h', 5, 3600],
    ['3/2d', 3, 172_800],
    ['1/s', 1, 1],
  ])('reads %s', (text, limit, windowSeconds) => {
    expect(parseQuota(text)).toEqual({ kind: 'ok', value: { limit, windowSeconds } });
  });

  it.each(['', '100', '0/15m', '100/0m', '100/15', '100/15w', '-1/m', '1.5/m', '100 / 15m', '1/m\n'])(
    'rejects %j',
    (text) => {
      expect(parseQuota(text).kind).toBe('invalid');
    },
  );

  it('reads what formatQuota writes', () => {
    const rule = fc.record({
      limit: fc.integer({ min: 1, max: 999_999_999 }),
      windowSeconds: fc.integer({ min: 1, max: 999_999 }),
    });
    fc.assert(
      fc.property(rule, (value) => {
        expect(parseQuota(formatQuota(value))).toEqual({ kind: 'ok', value });
      }),
    );
  });
});
