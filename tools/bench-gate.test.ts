import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operationNames } from '../bench/gate/operations.ts';
import { judge, ratioOf, tolerance } from '../bench/gate/verdict.ts';
import { root } from './steps.ts';

describe('the gate', () => {
  it.each([
    { measured: 2, holds: true, loss: 0 },
    { measured: 2.299, holds: true, loss: 0.1495 },
    { measured: 2.301, holds: false, loss: 0.1505 },
    { measured: 2.4, holds: false, loss: 0.2 },
    { measured: 1, holds: true, loss: -0.5 },
  ])('against a committed 2.0, $measured holds: $holds', ({ measured, holds, loss }) => {
    const [verdict] = judge({ login: 2 }, { login: measured });
    expect(verdict).toMatchObject({ name: 'login', committed: 2, measured, holds });
    expect(verdict?.loss).toBeCloseTo(loss, 6);
  });

  it('fails when the measurement is no number', () => {
    expect(judge({ login: 2 }, { login: Number.NaN })).toMatchObject([{ holds: false, loss: Number.NaN }]);
  });

  it('fails for an operation that is not committed, or no longer measured', () => {
    const verdicts = judge({ login: 2, gone: 1 }, { login: 2, added: 1 });
    expect(verdicts.map(({ name, holds }) => `${name} ${holds}`)).toEqual(['login true', 'gone false', 'added false']);
  });

  it('fails for a loss of 20 % on any machine: the speed of the machine cancels out', () => {
    const costs = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 4, maxLength: 12 });
    const speed = fc.double({ min: 0.2, max: 5, noNaN: true });
    fc.assert(
      fc.property(costs, costs, speed, (operation, reference, factor) => {
        const before = ratioOf({ operation, reference });
        const after = ratioOf({
          operation: operation.map((cost) => cost * factor * 1.2),
          reference: reference.map((cost) => cost * factor),
        });
        const [verdict] = judge({ x: before }, { x: after });
        expect(verdict?.holds).toBe(false);
        expect(verdict?.loss).toBeCloseTo(0.2, 6);
      }),
    );
  });

  it('is not moved by disturbances in fewer than half of the windows', () => {
    const quiet = { operation: [2, 2, 2, 2, 2, 2, 2], reference: [1, 1, 1, 1, 1, 1, 1] };
    const disturbed = { operation: [2, 9, 2, 7, 2, 8, 2], reference: [5, 1, 1, 6, 1, 1, 4] };
    expect(ratioOf(disturbed)).toBe(ratioOf(quiet));
  });

  it('has a committed ratio for each operation', () => {
    const { ratios } = JSON.parse(readFileSync(join(root, 'bench/gate/ratios.json'), 'utf8')) as { ratios: object };
    expect(Object.keys(ratios)).toEqual([...operationNames]);
    expect(tolerance).toBe(0.15);
  });
});
