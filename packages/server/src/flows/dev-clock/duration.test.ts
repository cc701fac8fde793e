import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationInput } from './duration.ts';

describe('durationInput', () => {
  it.each([
    ['1s', 1000],
    ['90s', 90_000],
    ['15m', 900_000],
    ['12h', 43_200_000],
    ['31d', 2_678_400_000],
  ])('parses %s as %d ms', (text, ms) => {
    expect(durationInput.parse(text)).toBe(ms);
  });

  it.each([
    '',
    's',
    '0s',
    '-1d',
    '+1d',
    '01d',
    '1.5h',
    '1e3s',
    '1d12h',
    '1 d',
    '1d ',
    '1D',
    '1w',
    '1ms',
    '٣s',
    '9999999999s',
  ])('rejects %j', (text) => {
    expect(durationInput.safeParse(text).success).toBe(false);
  });

  it('only returns positive whole numbers of seconds', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[-+0-9. ]{0,10}[a-zA-Z]{0,2}$/), (text) => {
        const parsed = durationInput.safeParse(text);
        if (!parsed.success) return;
        expect(parsed.data).toBeGreaterThan(0);
        expect(Number.isSafeInteger(parsed.data / 1000)).toBe(true);
      }),
    );
  });
});
