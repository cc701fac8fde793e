/**
 * `npm test`: everything that must hold before a change is taken: the static checks, then every test with coverage.
 * The last line is `N passed, N failed`; a failed check counts as one, so does too little coverage.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVitest } from 'vitest/node';
import { beforeOperations, neverSeen, sharedProblems } from '../packages/server/test/surface/unseen-problems.ts';
import { declaredProblems } from './declared-problems.ts';
import { judgeAnswers, readSeenAnswers } from './seen-answers.ts';
import { staticChecks } from './static-checks.ts';
import { endOnSignals, root, runGroups } from './steps.ts';
import { closingLine, countTests } from './test-count.ts';

endOnSignals();
process.chdir(root);
const checks = await runGroups(staticChecks);
const failedChecks = checks.filter((check) => !check.ok).length;

// Where every process of the run enters what the product answered.
const answers = mkdtempSync(join(tmpdir(), 'latchkey-answers-'));
process.env.TEST_RESPONSES_DIRECTORY = answers;

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

const wrongAnswers = judgeAnswers(readSeenAnswers(answers), declaredProblems('docs/reference/openapi.json'), {
  shared: sharedProblems,
  beforeOperations: Object.keys(beforeOperations),
  neverSeen: Object.keys(neverSeen),
  least: 10_000,
});
rmSync(answers, { recursive: true });
for (const sentence of wrongAnswers) console.log(`✗ ${sentence}`);

const failed = tests.failed + failedChecks + otherFailures + wrongAnswers.length;
console.log(closingLine({ passed: tests.passed + checks.length - failedChecks, failed }));
process.exitCode = failed === 0 ? 0 : 1;
