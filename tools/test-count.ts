import type { TestModule } from 'vitest/node';

export type TestCount = { readonly passed: number; readonly failed: number };

/**
 * Counts the tests that ran.
 * A skipped test counts as failed, and so does a file that did not load, so that no test is dropped unnoticed.
 */
export function countTests(modules: readonly TestModule[], unhandledErrors: number): TestCount {
  let passed = 0;
  let failed = unhandledErrors;
  for (const module of modules) {
    if (module.errors().length > 0) failed += 1;
    for (const test of module.children.allTests()) {
      if (test.result().state === 'passed') passed += 1;
      else failed += 1;
    }
  }
  return { passed, failed };
}

/** The last line of the output, which scripts parse. */
export function closingLine(count: TestCount): string {
  return `${count.passed} passed, ${count.failed} failed`;
}
