import type { Reporter, TestModule } from 'vitest/node';
import { closingLine, countTests } from './test-count.ts';

/** Ends vitest's report with `N passed, N failed`, and fails a run that skipped tests. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const { passed, failures } = countTests(modules, unhandledErrors);
    if (failures.length > 0) process.exitCode = 1;
    process.stdout.write(`${closingLine(passed, failures.length)}\n`);
  }
}
