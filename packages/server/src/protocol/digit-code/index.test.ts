import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codePattern, digitCode } from './index.ts';

function block(...draws: number[]): Uint8Array {
  const bytes = Buffer.alloc(draws.length * 4);
  for (const [index, draw] of draws.entries()) bytes.writeUInt32BE(draw, index * 4);
  return bytes;
}

describe('a six-digit code', () => {
  it.each([
    [0, '000000'],
    [7, '000007'],
    [999_999, '999999'],
    [1_000_000, '000000'],
    [4_293_999_999, '999999'],
  ])('for the draw %d is %s', (draw, code) => {
    expect(digitCode(() => block(draw))).toBe(code);
  });

  it('skips draws that would bias low codes, within a block and across blocks', () => {
    expect(digitCode(() => block(4_294_000_000, 4_294_967_295, 12))).toBe('000012');
    expect(digitCode((round) => (round === 0 ? block(4_294_000_000) : block(round)))).toBe('000001');
  });

  it('matches the pattern and is deterministic', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 40 }), (bytes) => {
        const blockOf = (round: number) => createHash('sha256').update(bytes).update(String(round)).digest();
        expect(digitCode(blockOf)).toMatch(codePattern);
        expect(digitCode(blockOf)).toBe(digitCode(blockOf));
      }),
    );
  });

  it('has uniformly distributed first and last digits', () => {
    const counts = { first: new Map<string, number>(), last: new Map<string, number>() };
    const samples = 20_000;
    for (let index = 0; index < samples; index += 1) {
      const code = digitCode((round) => createHash('sha256').update(`${index}:${round}`).digest());
      const [first, last] = [code.charAt(0), code.charAt(5)];
      counts.first.set(first, (counts.first.get(first) ?? 0) + 1);
      counts.last.set(last, (counts.last.get(last) ?? 0) + 1);
    }
    // Six standard deviations of a binomial distribution with n = 20,000 and p = 0.1.
    for (const count of [...counts.first.values(), ...counts.last.values()]) {
      expect(Math.abs(count - samples / 10)).toBeLessThan(6 * Math.sqrt(samples * 0.09));
    }
    expect([counts.first.size, counts.last.size]).toEqual([10, 10]);
  });
});
