import { describe, expect, it } from 'vitest';
import { runAccountCrashTrials } from './account-crash-trial.ts';
import type { CrashTarget } from './deployment.ts';

/** The proof `crashes-of-life` runs twenty-five. */
const trials = 2;

const targets: readonly CrashTarget[] = ['server on the embedded database', 'server on PostgreSQL'];

describe('account flows', () => {
  it.each(targets)(
    'are durable once acknowledged, and complete with event and mails or absent, after SIGKILL of: %s',
    { timeout: 300_000 },
    async (target) => {
      const { faults, flows } = await runAccountCrashTrials(target, trials, 1, { isHurried: true });
      expect(faults).toEqual([]);
      expect(flows.reduce((all, { acknowledged }) => all + acknowledged, 0)).toBeGreaterThan(0);
    },
  );
});
