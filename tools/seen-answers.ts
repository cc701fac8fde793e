/** The check that closes a run: answers enough were looked at, and every declared problem was among them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How often each `operation status code` was answered; pages stand there by their path and without a code. */
export type SeenAnswers = ReadonlyMap<string, number>;

/** A problem that an operation declares. */
export type DeclaredProblem = {
  readonly operation: string;
  readonly status: number;
  readonly code: string;
};

/** What was reviewed by hand. */
export type Reviewed = {
  /** Seen at some operation at least. */
  readonly shared: readonly string[];
  /** Not asked of operations at all. */
  readonly beforeOperations: readonly string[];
  /** `operation code` that is seen nowhere. */
  readonly neverSeen: readonly string[];
  /** Answers of the whole run. */
  readonly least: number;
};

/** Adds up what all processes of a run have entered. */
export function readSeenAnswers(directory: string): SeenAnswers {
  const sums = new Map<string, number>();
  for (const name of readdirSync(directory)) {
    const lines = readFileSync(join(directory, name), 'utf8').trimEnd().split('\n');
    for (const line of lines) {
      for (const [entry, times] of Object.entries(JSON.parse(line) as Record<string, number>))
        sums.set(entry, (sums.get(entry) ?? 0) + times);
    }
  }
  return sums;
}

/** What is wrong with a run, a sentence each. */
export function judgeAnswers(seen: SeenAnswers, declared: readonly DeclaredProblem[], reviewed: Reviewed): string[] {
  const total = [...seen.values()].reduce((sum, times) => sum + times, 0);
  const codes = new Set([...seen.keys()].map((entry) => entry.split(' ')[2]));
  return [
    ...(total < reviewed.least ? [`${total} answers were looked at; ${reviewed.least} is the least`] : []),
    ...reviewed.shared.filter((code) => !codes.has(code)).map((code) => `${code} was answered nowhere`),
    ...declared.flatMap((problem) => judgeProblem(seen, problem, reviewed)),
  ];
}

function judgeProblem(seen: SeenAnswers, { operation, status, code }: DeclaredProblem, reviewed: Reviewed): string[] {
  const isExcused = reviewed.neverSeen.includes(`${operation} ${code}`);
  if (seen.has(`${operation} ${status} ${code}`))
    return isExcused ? [`${operation} answered ${code}: it is no exception any more`] : [];
  if (isExcused || reviewed.shared.includes(code) || reviewed.beforeOperations.includes(code)) return [];
  return [`${operation} declares ${code}, which it was never seen to answer`];
}
