import { expect, it } from 'vitest';
import type { TestModule } from 'vitest/node';
import { closingLine, countTests } from './test-count.ts';

function fileWith(states: readonly string[], errors = 0): TestModule {
  const tests = states.map((state) => ({ result: () => ({ state }) }));
  const file = { children: { allTests: () => tests }, errors: () => Array.from({ length: errors }) };
  return file as unknown as TestModule;
}

it('counts a skipped and an unfinished test as failed', () => {
  const count = countTests([fileWith(['passed', 'skipped', 'failed']), fileWith(['passed', 'pending'])], 0);
  expect(count).toEqual({ passed: 2, failed: 3 });
});

it('counts a file that did not load and an error outside of tests as failed', () => {
  expect(closingLine(countTests([fileWith([], 1)], 2))).toBe('0 passed, 3 failed');
});
