import type { Client as Database } from 'pg';
import type { SinkLine } from '../../../../e2e/support/smtp-sink.ts';

/** The ledger's record of one message. */
export type LedgerEntry = {
  readonly messageId: string;
  readonly state: string;
  /** The outcomes of its attempts, in order. */
  readonly outcomes: readonly string[];
};

/** The whole ledger with its attempts. */
export async function readLedger(database: Database): Promise<LedgerEntry[]> {
  const result = await database.query<LedgerEntry>(`
    select l.message_id as "messageId", l.state,
      coalesce(array_agg(a.outcome order by a.number) filter (where a.number is not null), '{}') as outcomes
    from mail_ledger l left join mail_attempts a on a.mail_id = l.id
    group by l.id order by l.id`);
  return result.rows;
}

/** Returns a sentence for each message on which the ledger and the SMTP log differ. */
export function reconcile(ledger: readonly LedgerEntry[], lines: readonly SinkLine[]): string[] {
  const linesOf = Map.groupBy(lines, (line) => line.messageId);
  const known = new Set(ledger.map(({ messageId }) => messageId));
  const unknown = [...linesOf.keys()].filter((messageId) => !known.has(messageId));
  return [
    ...unknown.map((messageId) => `${messageId} was delivered but is not in the ledger`),
    ...ledger.flatMap((entry) => reconcileEntry(entry, linesOf.get(entry.messageId) ?? [])),
  ];
}

function reconcileEntry({ messageId, state, outcomes }: LedgerEntry, lines: readonly SinkLine[]): string[] {
  const verdicts = lines.map(({ verdict }) => verdict);
  const wasAccepted = outcomes.includes('accepted');
  const sentences: string[] = [];
  if (!isConsistent(outcomes, verdicts)) {
    sentences.push(`${messageId}: the ledger has ${outcomes.join(' ')}, the SMTP server ${verdicts.join(' ')}`);
  }
  if (wasAccepted !== (state === 'sent')) sentences.push(`${messageId} is ${state} after ${outcomes.join(' ')}`);
  return sentences;
}

/**
 * Whether the attempts, in order, explain the verdicts of the SMTP server.
 * `in_doubt` explains any verdict or none; `failed` never reached a verdict.
 */
function isConsistent(outcomes: readonly string[], verdicts: readonly string[]): boolean {
  const [outcome, ...later] = outcomes;
  if (outcome === undefined) return verdicts.length === 0;
  if (outcome === 'failed') return isConsistent(later, verdicts);
  const explainsFirst = verdicts.length > 0 && (outcome === 'in_doubt' || outcome === verdicts[0]);
  return (
    (explainsFirst && isConsistent(later, verdicts.slice(1))) ||
    (outcome === 'in_doubt' && isConsistent(later, verdicts))
  );
}
