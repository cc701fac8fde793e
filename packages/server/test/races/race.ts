import type { TwoNodes } from './two-nodes.ts';

/** Measurements of one round. */
export type Round = {
  /** Milliseconds from the revocation until the last token was rejected, in races about revocation. */
  readonly rejectedAfterMs?: number;
  /** Which side was first. A race with a single outcome in all rounds tests nothing. */
  readonly outcome?: string;
};

export type Race = {
  readonly name: string;
  /** The claim that every round must satisfy. */
  readonly claim: string;
  /**
   * Runs one round with an address that no other round uses.
   *
   * @throws Error naming the violation.
   */
  run(nodes: TwoNodes, email: string): Promise<Round>;
};

export type RaceResult = {
  readonly race: Race;
  readonly rounds: number;
  /** One sentence for each failed round. */
  readonly failures: readonly string[];
  readonly slowestRejectionMs: number | undefined;
  /** Number of rounds by outcome, for races with several. */
  readonly outcomes: ReadonlyMap<string, number>;
};

/** Runs all rounds of a race, and continues after a failed one. */
export async function runRace(nodes: TwoNodes, race: Race, rounds: number): Promise<RaceResult> {
  const failures: string[] = [];
  const rejectionTimes: number[] = [];
  const outcomes = new Map<string, number>();
  for (let round = 1; round <= rounds; round += 1) {
    const email = `${race.name.replace(/[^a-z]+/g, '-')}-${round}@example.com`;
    const faults: string[] = [];
    try {
      const { rejectedAfterMs, outcome } = await race.run(nodes, email);
      if (rejectedAfterMs !== undefined) rejectionTimes.push(rejectedAfterMs);
      if (outcome !== undefined) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      // The first line is the message of this suite; node:assert repeats it below.
      const [sentence = ''] = String(error instanceof Error ? error.message : error).split('\n');
      faults.push(sentence);
    }
    const errors = nodes.takeServerErrors();
    if (errors.length > 0) faults.push(`server errors ${errors.join(', ')}`);
    if (faults.length > 0) failures.push(`round ${round}: ${faults.join('; ')}`);
  }
  const slowestRejectionMs = rejectionTimes.length === 0 ? undefined : Math.max(...rejectionTimes);
  return { race, rounds, failures, slowestRejectionMs, outcomes };
}
