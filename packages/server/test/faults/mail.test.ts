import { describe, expect, it } from 'vitest';
import { createDatabase } from '#test/support/postgres.ts';
import { runExactKill, runMailTrial } from './mail-trial.ts';

describe('mail while its worker is killed', () => {
  it('loses nothing, repeats only what was in flight, and the ledger agrees with the SMTP server', async () => {
    const trial = { registrations: 60, kills: 3, refuseEvery: 3, seed: 1 };
    const report = await runMailTrial(await createDatabase(), trial);
    expect(report.faults).toEqual([]);
    expect(report.refusals).toBeGreaterThan(0);
    expect(report.deliveries).toBe(60 + report.duplicates);
  });

  it('repeats the message with the same id and link after a death between the 250 and the ledger', async () => {
    const { deliveries, entry } = await runExactKill(await createDatabase());
    const [first, second] = deliveries;
    expect(deliveries).toHaveLength(2);
    expect(second?.messageId).toBe(first?.messageId);
    expect(second?.links).toEqual(first?.links);
    expect(entry).toEqual({ messageId: first?.messageId, state: 'sent', outcomes: ['in_doubt', 'accepted'] });
  });
});
