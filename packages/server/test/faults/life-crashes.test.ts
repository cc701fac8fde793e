import { describe, expect, it } from 'vitest';
import type { Victim } from './deployment.ts';
import { runLifeTrials } from './life-trial.ts';

/** The proof `crashes-of-life` makes twenty-five. */
const trials = 2;

const victims: readonly Victim[] = ['server on the embedded database', 'server on PostgreSQL'];

describe('what an account went through', () => {
  it.each(victims)(
    'is there when it was answered, and whole with its event and mails if at all, after SIGKILL of: %s',
    { timeout: 300_000 },
    async (victim) => {
      const { faults, flows } = await runLifeTrials(victim, trials, 1);
      expect(faults).toEqual([]);
      expect(flows.reduce((all, { answered }) => all + answered, 0)).toBeGreaterThan(0);
    },
  );
});
