/** Guesses whose effect is rolled back or never answered: what was hashed was counted before (invariant 2). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { login, uniqueEmail, validPassword } from '../support/user-actions.ts';
import type { Moment } from './statements/fuse.ts';
import { openOnEmbedded, openOnPostgres, type Place } from './statements/places.ts';
import { regular } from './statements/scenario.ts';

/** More than the statements of a login. */
const pointsAtMost = 20;

/** So that the failure under test is the one with which the waiting begins: its effect is a transaction with a mail. */
const guessedBefore = 4;

/** How strangers' guesses at everybody stand together. */
function countGuesses({ look }: Place): Promise<number> {
  return look(async (database) => {
    const sql = `select coalesce(sum(failures), 0)::int as sum from attempt_counters where kind = 'password'`;
    const { rows } = await database.query<{ sum: number }>(sql);
    return rows[0]?.sum ?? Number.NaN;
  });
}

/** What a login did that was interrupted. */
interface Interrupted {
  readonly status: number;
  readonly hashed: number;
  readonly counted: number;
}

/** Interrupts one login there; undefined when nothing was left to interrupt. */
async function interrupt(
  place: Place,
  email: string,
  password: string,
  point: number,
  moment: Moment,
): Promise<Interrupted | undefined> {
  const { app, fuse } = place;
  const hashes = () => app.services.hashQueue.counts.computed;
  for (let time = 0; time < guessedBefore; time += 1) await login(app, email, { password: wrong });
  const before = { hashes: hashes(), guesses: await countGuesses(place) };
  fuse.set(point, moment);
  const { status } = await login(app, email, { password });
  if (!fuse.remove()) return undefined;
  return { status, hashed: hashes() - before.hashes, counted: (await countGuesses(place)) - before.guesses };
}

interface Case {
  readonly name: string;
  readonly moments: readonly Moment[];
  readonly password: string;
  /** Makes somebody new to guess at. */
  readonly whom: (place: Place) => Promise<string>;
}

const aUser = async ({ app }: Place) => (await regular(app)).email;
const wrong = 'never the password';
const cases: readonly Case[] = [
  { name: 'a wrong password of a user', moments: ['before', 'after'], password: wrong, whom: aUser },
  {
    name: 'a wrong password of nobody',
    moments: ['before', 'after'],
    password: wrong,
    whom: async () => uniqueEmail(),
  },
  // After the effect of a right one everything is forgiven, whoever hears of it.
  { name: 'the right password', moments: ['before'], password: validPassword, whom: aUser },
];

async function interruptEverywhere(place: Place, { moments, password, whom }: Case) {
  const seen: Interrupted[] = [];
  for (const moment of moments) {
    for (let point = 0; point < pointsAtMost; point += 1) {
      const found = await interrupt(place, await whom(place), password, point, moment);
      if (found === undefined) break;
      seen.push(found);
    }
  }
  return seen;
}

describe.each([
  ['PostgreSQL', openOnPostgres],
  ['the embedded database', openOnEmbedded],
] as const)('a login on %s whose way to the database breaks', (_, open) => {
  let place: Place;

  beforeAll(async () => {
    place = await open();
  });

  afterAll(() => place[Symbol.asyncDispose]());

  it.each(cases)('has computed no hash that was not counted, wherever it breaks: $name', async (each) => {
    const seen = await interruptEverywhere(place, each);
    const broken = seen.filter(({ hashed, status }) => hashed > 0 && status >= 500);
    expect(broken.length).toBeGreaterThan(0);
    expect(broken.filter(({ hashed, counted }) => counted < hashed)).toEqual([]);
  });
});
