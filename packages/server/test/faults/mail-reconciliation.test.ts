import { describe, expect, it } from 'vitest';
import type { SinkLine } from '../../../../e2e/support/smtp-sink.ts';
import { type LedgerEntry, reconcile } from './mail-reconciliation.ts';

const entry = (state: string, ...outcomes: string[]): LedgerEntry => ({ messageId: '<1@x>', state, outcomes });

const lines = (...verdicts: SinkLine['verdict'][]): SinkLine[] =>
  verdicts.map((verdict, index) => ({
    messageId: '<1@x>',
    text: '',
    links: [],
    number: index + 1,
    to: 'a@x',
    verdict,
  }));

describe('reconciliation of the ledger with the SMTP log', () => {
  it.each([
    [entry('sent', 'accepted'), lines('accepted')],
    [entry('sent', 'refused', 'accepted'), lines('refused', 'accepted')],
    [entry('sent', 'in_doubt', 'accepted'), lines('accepted', 'accepted')],
    [entry('sent', 'in_doubt', 'accepted'), lines('refused', 'accepted')],
    [entry('sent', 'in_doubt', 'failed', 'accepted'), lines('accepted')],
    [entry('queued'), lines()],
  ])('accepts %o for %o', (recorded, logged) => {
    expect(reconcile([recorded], logged)).toEqual([]);
  });

  it.each([
    [entry('sent', 'accepted'), lines()],
    [entry('sent', 'accepted'), lines('accepted', 'accepted')],
    [entry('sent', 'refused', 'accepted'), lines('accepted')],
    [entry('sent', 'in_doubt', 'accepted'), lines('accepted', 'refused')],
    [entry('queued', 'sending'), lines('accepted')],
    [entry('queued', 'accepted'), lines('accepted')],
  ])('reports a fault in %o for %o', (recorded, logged) => {
    expect(reconcile([recorded], logged)).toHaveLength(1);
  });

  it('reports a delivery that the ledger does not have', () => {
    expect(reconcile([], lines('accepted'))).toEqual(['<1@x> was delivered but is not in the ledger']);
  });
});
