import { describe, expect, it } from 'vitest';
import type { SinkLine } from '../../../../e2e/support/smtp-sink.ts';
import { compareBooks, type LedgerEntry } from './mail-books.ts';

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

describe('comparing the ledger with the log of the SMTP server', () => {
  it.each([
    [entry('sent', 'accepted'), lines('accepted')],
    [entry('sent', 'refused', 'accepted'), lines('refused', 'accepted')],
    [entry('sent', 'in_doubt', 'accepted'), lines('accepted', 'accepted')],
    [entry('sent', 'in_doubt', 'accepted'), lines('refused', 'accepted')],
    [entry('sent', 'in_doubt', 'failed', 'accepted'), lines('accepted')],
    [entry('queued'), lines()],
  ])('%o agrees with %o', (written, seen) => {
    expect(compareBooks([written], seen)).toEqual([]);
  });

  it.each([
    [entry('sent', 'accepted'), lines()],
    [entry('sent', 'accepted'), lines('accepted', 'accepted')],
    [entry('sent', 'refused', 'accepted'), lines('accepted')],
    [entry('sent', 'in_doubt', 'accepted'), lines('accepted', 'refused')],
    [entry('queued', 'sending'), lines('accepted')],
    [entry('queued', 'accepted'), lines('accepted')],
  ])('%o does not agree with %o', (written, seen) => {
    expect(compareBooks([written], seen)).toHaveLength(1);
  });

  it('finds what was never written down', () => {
    expect(compareBooks([], lines('accepted'))).toEqual(['<1@x> was delivered and is not in the ledger']);
  });
});
