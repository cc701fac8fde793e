import type { Client as Database } from 'pg';
import type { SinkLine } from '../../../../e2e/support/smtp-sink.ts';

/** What our side wrote down about one message. */
export type LedgerEntry = {
  readonly messageId: string;
  readonly state: string;
  /** Outcomes of the attempts, in order. */
  readonly outcomes: readonly string[];
};

/** The whole ledger with its attempts. */
export async function readLedger(database: Database): Promise<LedgerEntry[]> {
  const answer = await database.query<LedgerEntry>(`
    select l.message_id as "messageId", l.state,
      coalesce(array_agg(a.outcome order by a.number) filter (where a.number is not null), '{}') as outcomes
    from mail_ledger l left join mail_attempts a on a.mail_id = l.id
    group by l.id order by l.id`);
  return answer.rows;
}

/** One sentence for each message about which the ledger and the SMTP server's log do not agree. */
export function compareBooks(ledger: readonly LedgerEntry[], lines: readonly SinkLine[]): string[] {
  const linesOf = Map.groupBy(lines, (line) => line.messageId);
  const known = new Set(ledger.map(({ messageId }) => messageId));
  const strangers = [...linesOf.keys()].filter((messageId) => !known.has(messageId));
  return [
    ...strangers.map((messageId) => `${messageId} was delivered and is not in the ledger`),
    ...ledger.flatMap((entry) => compareEntry(entry, linesOf.get(entry.messageId) ?? [])),
  ];
}

function compareEntry({ messageId, state, outcomes }: LedgerEntry, lines: readonly SinkLine[]): string[] {
  const verdicts = lines.map(({ verdict }) => verdict);
  const wasAccepted = outcomes.includes('accepted');
  const sentences: string[] = [];
  if (!agree(outcomes, verdicts)) {
    sentences.push(`${messageId}: the ledger says ${outcomes.join(' ')}, the SMTP server ${verdicts.join(' ')}`);
  }
  if (wasAccepted !== (state === 'sent')) sentences.push(`${messageId} is ${state} after ${outcomes.join(' ')}`);
  return sentences;
}

/**
 * Whether the attempts can have had these verdicts, one after another.
 * `in_doubt` has any verdict or none, since that is what it says; `failed` never got as far as a verdict.
 */
function agree(outcomes: readonly string[], verdicts: readonly string[]): boolean {
  const [outcome, ...later] = outcomes;
  if (outcome === undefined) return verdicts.length === 0;
  if (outcome === 'failed') return agree(later, verdicts);
  const takesOne = verdicts.length > 0 && (outcome === 'in_doubt' || outcome === verdicts[0]);
  return (takesOne && agree(later, verdicts.slice(1))) || (outcome === 'in_doubt' && agree(later, verdicts));
}
