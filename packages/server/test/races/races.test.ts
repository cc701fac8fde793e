import { beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase } from '#test/support/postgres.ts';
import { races } from './all-races.ts';
import { runRace } from './race.ts';
import { TwoNodes } from './two-nodes.ts';

/** The proof `races` runs fifty. */
const rounds = 1;

describe('two nodes on one PostgreSQL, 20 concurrent requests', () => {
  let nodes: TwoNodes;
  beforeAll(async () => {
    nodes = await TwoNodes.start(await cloneDatabase());
    return () => nodes[Symbol.asyncDispose]();
  });

  it.each(races)('$name: $claim', async (race) => {
    expect((await runRace(nodes, race, rounds)).failures).toEqual([]);
  });
});
