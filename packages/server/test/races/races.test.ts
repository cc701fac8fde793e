import { beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '#test/support/postgres.ts';
import { races } from './all-races.ts';
import { runRace } from './race.ts';
import { TwoNodes } from './two-nodes.ts';

/** The proof `races` runs fifty and more. */
const rounds = 3;

describe('two nodes on one PostgreSQL, 20 requests at once', () => {
  let two: TwoNodes;
  beforeAll(async () => {
    two = await TwoNodes.start(await createDatabase());
    return () => two[Symbol.asyncDispose]();
  });

  it.each(races)('$name: $claim', async (race) => {
    expect((await runRace(two, race, rounds)).failures).toEqual([]);
  });
});
