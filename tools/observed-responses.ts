/** Checks after a test run that enough responses were observed, and every declared problem among them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The count of each `operation status code`; pages are listed by their path and without a code. */
export type ObservedResponses = ReadonlyMap<string, number>;

/** A problem that an operation declares. */
export type DeclaredProblem = {
  readonly operation: string;
  readonly status: number;
  readonly code: string;
};

/** Reviewed by hand. */
export type Reviewed = {
  /** Observed on at least one operation. */
  readonly shared: readonly string[];
  /** Not required of any operation. */
  readonly beforeOperations: readonly string[];
  /** `operation code` pairs that no test can observe. */
  readonly neverObserved: readonly string[];
  /** Responses of the whole run. */
  readonly minimum: number;
};

/** Sums the counts that all processes of a run have written. */
export function readObservedResponses(directory: string): ObservedResponses {
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

/** One sentence for each fault of a run. */
export function checkResponses(
  observed: ObservedResponses,
  declared: readonly DeclaredProblem[],
  reviewed: Reviewed,
): string[] {
  const total = [...observed.values()].reduce((sum, times) => sum + times, 0);
  const codes = new Set([...observed.keys()].map((entry) => entry.split(' ')[2]));
  return [
    ...(total < reviewed.minimum ? [`${total} responses were observed; ${reviewed.minimum} is the minimum`] : []),
    ...reviewed.shared.filter((code) => !codes.has(code)).map((code) => `no operation returned ${code}`),
    ...declared.flatMap((problem) => checkProblem(observed, problem, reviewed)),
  ];
}

function checkProblem(
  observed: ObservedResponses,
  { operation, status, code }: DeclaredProblem,
  reviewed: Reviewed,
): string[] {
  const isExcused = reviewed.neverObserved.includes(`${operation} ${code}`);
  if (observed.has(`${operation} ${status} ${code}`))
    return isExcused ? [`${operation} returned ${code}: remove its exception`] : [];
  if (isExcused || reviewed.shared.includes(code) || reviewed.beforeOperations.includes(code)) return [];
  return [`${operation} declares ${code}, which no test observed`];
}
