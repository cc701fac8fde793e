import type { TwoNodes } from './two-nodes.ts';

/** What a round tells beside that it held: milliseconds from the ending to the last token's death, when that is the subject. */
export type Round = { readonly diedAfterMs?: number };

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
};

/** Runs all rounds of a race, the failed ones included. */
export async function runRace(two: TwoNodes, race: Race, rounds: number): Promise<RaceResult> {
  const failures: string[] = [];
  const deaths: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const email = `${race.name.replace(/[^a-z]+/g, '-')}-${round}@example.com`;
    try {
      const { diedAfterMs } = await race.run(two, email);
      if (diedAfterMs !== undefined) deaths.push(diedAfterMs);
    } catch (error) {
      // The first line is ours; what node:assert adds below it says the same again.
      const [sentence] = String(error instanceof Error ? error.message : error).split('\n');
      failures.push(`round ${round}: ${sentence}`);
    }
  }
  return { race, rounds, failures, slowestDeathMs: deaths.length === 0 ? undefined : Math.max(...deaths) };
}
