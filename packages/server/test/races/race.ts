import type { TwoNodes } from './two-nodes.ts';

/** What a round tells beside that it held. */
export type Round = {
  /** Milliseconds from the ending to the last token's death, when that is the subject. */
  readonly diedAfterMs?: number;
  /** Who came first, where either may: a race that always comes out one way was none. */
  readonly outcome?: string;
};

/** A race that is run many times. */
export type Race = {
  readonly name: string;
  /** What every round shows. */
  readonly claim: string;
  /**
   * One round, with an address that no other round uses.
   *
   * @throws Error saying what did not hold.
   */
  run(two: TwoNodes, email: string): Promise<Round>;
};

/** What came of the rounds of one race. */
export type RaceResult = {
  readonly race: Race;
  readonly rounds: number;
  /** One sentence for each round that did not hold. */
  readonly failures: readonly string[];
  readonly slowestDeathMs: number | undefined;
  /** How often each outcome came, for races that have several. */
  readonly outcomes: ReadonlyMap<string, number>;
};

/** Runs all rounds of a race, the failed ones included. */
export async function runRace(two: TwoNodes, race: Race, rounds: number): Promise<RaceResult> {
  const failures: string[] = [];
  const deaths: number[] = [];
  const outcomes = new Map<string, number>();
  for (let round = 1; round <= rounds; round += 1) {
    const email = `${race.name.replace(/[^a-z]+/g, '-')}-${round}@example.com`;
    const faults: string[] = [];
    try {
      const { diedAfterMs, outcome } = await race.run(two, email);
      if (diedAfterMs !== undefined) deaths.push(diedAfterMs);
      if (outcome !== undefined) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      // The first line is ours; what node:assert adds below it says the same again.
      const [sentence = ''] = String(error instanceof Error ? error.message : error).split('\n');
      faults.push(sentence);
    }
    const errors = two.takeServerErrors();
    if (errors.length > 0) faults.push(`answered ${errors.join(', ')}`);
    if (faults.length > 0) failures.push(`round ${round}: ${faults.join('; ')}`);
  }
  const slowestDeathMs = deaths.length === 0 ? undefined : Math.max(...deaths);
  return { race, rounds, failures, slowestDeathMs, outcomes };
}
