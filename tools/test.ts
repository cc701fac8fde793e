/**
 * `npm test`: the static checks, then every test, with coverage of all but those of the whole product (`product` in vitest.config.ts).
 * It ends with a line for each failure and with `N passed, N failed`; coverage below the threshold is a failure too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
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
const failures = checks.filter((check) => !check.ok).map((check) => check.step.name);
let passed = checks.length - failures.length;

// Every process of the run counts the responses of the product in a file of this directory.
const responses = mkdtempSync(join(tmpdir(), 'latchkey-responses-'));
process.env.TEST_RESPONSES_DIRECTORY = responses;

await runTests(['alone'], false);
// A server lowers the priority of its hash threads, which would wait for a core as long as another worker has something to do.
// Nothing has a lower priority than this one.
setPriority(constants.priority.PRIORITY_LOW);
await runTests(['product', 'statements'], false);
await runTests(['unit', 'unit-long', 'integration'], true);

failures.push(
  ...checkResponses(readObservedResponses(responses), declaredProblems('docs/reference/openapi.json'), {
    shared: sharedProblems,
    beforeOperations: Object.keys(beforeOperations),
    neverObserved: Object.keys(unreachableProblems),
    minimum: 10_000,
  }),
);
rmSync(responses, { recursive: true });

for (const sentence of failures) console.log(`✗ ${sentence}`);
console.log(closingLine(passed, failures.length));
process.exitCode = failures.length === 0 ? 0 : 1;

async function runTests(project: string[], hasCoverage: boolean): Promise<void> {
  process.exitCode = undefined;
  const vitest = await startVitest('test', [], {
    run: true,
    watch: false,
    project,
    coverage: { enabled: hasCoverage },
    reporters: ['default'],
  });
  const outcome = countTests(vitest.state.getTestModules(), vitest.state.getUnhandledErrors());
  // vitest has set the exit code: without a failed test it means coverage below the threshold, or no test at all.
  if (outcome.failures.length === 0 && process.exitCode !== undefined && process.exitCode !== 0) {
    failures.push(`the tests of ${project.join(', ')} lack coverage, or there were none`);
  }
  passed += outcome.passed;
  failures.push(...outcome.failures);
  await vitest.close();
}
