import { describe, expect, it } from 'vitest';
import { runCrashTrials } from './crash-trial.ts';
import { crashTargets } from './deployment.ts';

/** The proof `crashes` runs fifty. */
const trials = 2;

describe('acknowledged effects', () => {
  it.each(crashTargets)(
    'are durable, and no effect is partial, after SIGKILL of: %s',
    { timeout: 300_000 },
    async (target) => {
      const report = await runCrashTrials(target, trials, 1, { isHurried: true });
      expect(report.faults).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(0);
    },
  );
});
