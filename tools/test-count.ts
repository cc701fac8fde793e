import type { TestCase, TestModule } from 'vitest/node';

export type TestOutcome = {
  readonly passed: number;
  /** One sentence for each failure: the file, the test and the first line of its error. */
  readonly failures: readonly string[];
};

/**
 * Counts the tests that ran and names the failures.
 * A skipped test is a failure, and so is a file that did not load, so that no test is dropped unnoticed.
 */
export function countTests(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): TestOutcome {
  let passed = 0;
  const failures = unhandledErrors.map((error) => `an error outside of tests: ${firstLine(error)}`);
  for (const module of modules) {
    const [loadError] = module.errors();
    if (loadError !== undefined) failures.push(`${module.relativeModuleId}: ${firstLine(loadError)}`);
    for (const test of module.children.allTests()) {
      if (test.result().state === 'passed') passed += 1;
      else failures.push(`${module.relativeModuleId} > ${test.fullName}: ${reasonOf(test)}`);
    }
  }
  return { passed, failures };
}

/** The last line of the output, which scripts parse. */
export function closingLine(passed: number, failed: number): string {
  return `${passed} passed, ${failed} failed`;
}

function reasonOf(test: TestCase): string {
  const { state, errors } = test.result();
  return errors?.[0] === undefined ? state : firstLine(errors[0]);
}

function firstLine(error: unknown): string {
  const message = error instanceof Object && 'message' in error ? error.message : error;
  return String(message).split('\n', 1)[0] ?? '';
}
