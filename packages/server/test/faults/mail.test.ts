import { describe, expect, it } from 'vitest';
import { cloneDatabase } from '#test/support/postgres.ts';
import { runExactKill, runMailTrial } from './mail-trial.ts';

describe('mail delivery while the worker is killed', () => {
  it('loses no mail, duplicates only sends in progress, and the ledger matches the SMTP log', async () => {
    const trial = { registrations: 60, kills: 3, refuseEvery: 3, seed: 1, isHurried: true as const };
    const report = await runMailTrial(await cloneDatabase(), trial);
    expect(report.faults).toEqual([]);
    expect(report.refusals).toBeGreaterThan(0);
    expect(report.deliveries).toBe(60 + report.duplicates);
  });

  it('resends the same Message-ID and link when the worker is killed between the 250 and the ledger', async () => {
    const { deliveries, entry } = await runExactKill(await cloneDatabase(), { isHurried: true });
    const [first, second] = deliveries;
    expect(deliveries).toHaveLength(2);
    expect(second?.messageId).toBe(first?.messageId);
    expect(second?.links).toEqual(first?.links);
    expect(entry).toEqual({ messageId: first?.messageId, state: 'sent', outcomes: ['in_doubt', 'accepted'] });
  });
});
