import { describe, expect, it } from 'vitest';
import { runCrashTrials } from './crash-trial.ts';
import { victims } from './deployment.ts';

/** The proof `crashes` makes fifty. */
const trials = 4;

describe('what was answered with 2xx', () => {
  it.each(victims)('is there, and nothing is half done, after SIGKILL of: %s', { timeout: 300_000 }, async (victim) => {
    const report = await runCrashTrials(victim, trials, 1);
    expect(report.faults).toEqual([]);
    expect(report.acknowledged).toBeGreaterThan(0);
  });
});
