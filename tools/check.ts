/**
 * `npm run check`: format, lint, types, the rules of architecture and language, and the unit tests that take no second; `npm test` runs
 * them all.
 */
import { staticChecks } from './static-checks.ts';
import { binary, endOnSignals, runGroups, type Step } from './steps.ts';

const unit: Step = {
  name: 'architecture, language, unit',
  command: [binary('vitest/vitest.mjs'), 'run', '--project', 'unit'],
};

endOnSignals();
const start = performance.now();
const results = await runGroups([...staticChecks, [unit]]);
const failed = results.filter((result) => !result.ok).map((result) => result.step.name);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(failed.length === 0 ? `all hold, ${seconds} s` : `do not hold: ${failed.join(', ')}; ${seconds} s`);
process.exitCode = failed.length === 0 ? 0 : 1;
