import { expect, it } from 'vitest';
import type { TestModule } from 'vitest/node';
import { closingLine, countTests } from './test-count.ts';

function fileWith(states: readonly string[], errors: readonly Error[] = [], testErrors?: readonly Error[]): TestModule {
  const tests = states.map((state) => ({ fullName: `is ${state}`, result: () => ({ state, errors: testErrors }) }));
  const file = { relativeModuleId: 'a.test.ts', children: { allTests: () => tests }, errors: () => errors };
  return file as unknown as TestModule;
}

it('counts a skipped and an unfinished test as failed', () => {
  const outcome = countTests([fileWith(['passed', 'skipped']), fileWith(['passed', 'pending'])], []);
  expect(outcome).toEqual({
    passed: 2,
    failures: ['a.test.ts > is skipped: skipped', 'a.test.ts > is pending: pending'],
  });
});

it('names a failed test with the first line of its error', () => {
  const { failures } = countTests([fileWith(['failed'], [], [new Error('expected 1 to be 2\n- 1\n+ 2')])], []);
  expect(failures).toEqual(['a.test.ts > is failed: expected 1 to be 2']);
});

it('counts a file that did not load and an error outside of tests as failed', () => {
  const { passed, failures } = countTests([fileWith([], [new Error('no such module')])], [new Error('late'), 'thrown']);
  expect(failures).toEqual([
    'an error outside of tests: late',
    'an error outside of tests: thrown',
    'a.test.ts: no such module',
  ]);
  expect(closingLine(passed, failures.length)).toBe('0 passed, 3 failed');
});
