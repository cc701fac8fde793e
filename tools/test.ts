/**
 * `npm test`: the static checks, then every test; coverage of those that cover something of their own.
 * The last line is `N passed, N failed`; a failed check counts as one, and so does coverage below the threshold.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVitest } from 'vitest/node';
import {
  beforeOperations,
  sharedProblems,
  unreachableProblems,
} from '../packages/server/test/surface/uncovered-problems.ts';
import { declaredProblems } from './declared-problems.ts';
import { checkResponses, readObservedResponses } from './observed-responses.ts';
import { staticChecks } from './static-checks.ts';
import { endOnSignals, root, runGroups } from './steps.ts';
import { closingLine, countTests } from './test-count.ts';

endOnSignals();
process.chdir(root);
const checks = await runGroups(staticChecks);
const failedChecks = checks.filter((check) => !check.ok).length;

// Every process of the run counts the responses of the product in a file of this directory.
const responses = mkdtempSync(join(tmpdir(), 'latchkey-responses-'));
process.env.TEST_RESPONSES_DIRECTORY = responses;

const tests = { passed: 0, failed: 0 };
let otherFailures = 0;
// Collecting coverage costs a third of the CPU time of a test in this process.
await runTests(['unit', 'unit-long', 'db', 'http', 'server'], true);
await runTests(['repeating', 'e2e', 'e2e-alone'], false);

const responseFaults = checkResponses(
  readObservedResponses(responses),
  declaredProblems('docs/reference/openapi.json'),
  {
    shared: sharedProblems,
    beforeOperations: Object.keys(beforeOperations),
    neverObserved: Object.keys(unreachableProblems),
    minimum: 10_000,
  },
);
rmSync(responses, { recursive: true });
for (const sentence of responseFaults) console.log(`✗ ${sentence}`);

const failed = tests.failed + failedChecks + otherFailures + responseFaults.length;
console.log(closingLine({ passed: tests.passed + checks.length - failedChecks, failed }));
process.exitCode = failed === 0 ? 0 : 1;

async function runTests(project: string[], hasCoverage: boolean): Promise<void> {
  process.exitCode = undefined;
  const vitest = await startVitest('test', [], {
    run: true,
    watch: false,
    project,
    coverage: { enabled: hasCoverage },
    reporters: ['default'],
  });
  const { passed, failed } = countTests(vitest.state.getTestModules(), vitest.state.getUnhandledErrors().length);
  // vitest has set the exit code: without a failed test it means coverage below the threshold, or no test at all.
  if (failed === 0 && process.exitCode !== undefined && process.exitCode !== 0) otherFailures += 1;
  tests.passed += passed;
  tests.failed += failed;
  await vitest.close();
}
