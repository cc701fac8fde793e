import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, tolerance } from '../bench/gate/verdict.ts';
import { root } from './steps.ts';

describe('the gate', () => {
  it.each([
    { candidate: 2, holds: true, loss: 0 },
    { candidate: 2.299, holds: true, loss: 0.1495 },
    { candidate: 2.301, holds: false, loss: 0.1505 },
    { candidate: 2.4, holds: false, loss: 0.2 },
    { candidate: 1, holds: true, loss: -0.5 },
  ])('against 2 ms at the base, $candidate ms holds: $holds', ({ candidate, holds, loss }) => {
    const verdict = judge('login', { candidate: [candidate], base: [2] });
    expect(verdict).toMatchObject({ name: 'login', holds });
    expect(verdict.loss).toBeCloseTo(loss, 6);
  });

  it.each([
    ['a window without responses', { candidate: [Number.NaN], base: [1] }],
    ['no window', { candidate: [], base: [] }],
  ])('does not hold for %s', (_, windows) => {
    expect(judge('login', windows)).toMatchObject({ holds: false, loss: Number.NaN });
  });

  it('fails for a loss of 20 % while the speed of the machine changes from window to window', () => {
    const window = fc.record({
      cost: fc.double({ min: 0.1, max: 10, noNaN: true }),
      speed: fc.double({ min: 0.2, max: 5, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(window, { minLength: 4, maxLength: 12 }), (windows) => {
        const base = windows.map(({ cost, speed }) => cost * speed);
        const verdict = judge('login', { candidate: base.map((cost) => cost * 1.2), base });
        expect(verdict.holds).toBe(false);
        expect(verdict.loss).toBeCloseTo(0.2, 6);
      }),
    );
  });

  it('is not moved by disturbances in fewer than half of the windows', () => {
    const quiet = { candidate: [2, 2, 2, 2, 2, 2, 2], base: [2, 2, 2, 2, 2, 2, 2] };
    const disturbed = { candidate: [2, 9, 2, 7, 2, 2, 2], base: [2, 2, 2, 2, 2, 2, 9] };
    expect(judge('login', disturbed)).toEqual(judge('login', quiet));
  });

  it('has the hash of a commit as its base, and the reviewed tolerance', () => {
    const { commit } = JSON.parse(readFileSync(join(root, 'bench/gate/base.json'), 'utf8')) as { commit: string };
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect(tolerance).toBe(0.15);
  });
});
