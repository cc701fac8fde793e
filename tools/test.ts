/**
 * `npm test`: everything that must hold before a change is taken: the static checks, then every test with coverage.
 * The last line is `N passed, N failed`; a failed check counts as one, so does too little coverage.
 */
import { startVitest } from 'vitest/node';
import { staticChecks } from './static-checks.ts';
import { endOnSignals, root, runGroups } from './steps.ts';
import { closingLine, countTests } from './test-count.ts';

endOnSignals();
process.chdir(root);
const checks = await runGroups(staticChecks);
const failedChecks = checks.filter((check) => !check.ok).length;

const vitest = await startVitest('test', [], {
  run: true,
  watch: false,
  coverage: { enabled: true },
  reporters: ['default'],
});
const tests = countTests(vitest.state.getTestModules(), vitest.state.getUnhandledErrors().length);
// vitest has set the exit code by now: a code without a failed test is the coverage below its threshold, or no test at all.
const otherFailures = tests.failed === 0 && process.exitCode !== undefined && process.exitCode !== 0 ? 1 : 0;
await vitest.close();

const failed = tests.failed + failedChecks + otherFailures;
console.log(closingLine({ passed: tests.passed + checks.length - failedChecks, failed }));
process.exitCode = failed === 0 ? 0 : 1;
