/**
 * Logins that are rolled back or whose response is lost: every computed hash was counted before (invariant 2), and only that of
 * the right password is given back.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { login, uniqueEmail, validPassword } from '../support/user-actions.ts';
import type { FaultTiming } from './statements/fault-injector.ts';
import { type FaultyApplication, openOnEmbedded, openOnPostgres } from './statements/faulty-application.ts';
import { addScenarioUser } from './statements/scenario.ts';

/** More than the statements of a login. */
const maxStatements = 20;

/** The next failure is the one that starts the delay; its effect is a transaction with a mail. */
const priorFailures = 4;

/** The sum of all password failures. */
function countFailures({ inspect }: FaultyApplication): Promise<number> {
  return inspect(async (database) => {
    const sql = `select coalesce(sum(failures), 0)::int as sum from attempt_counters where kind = 'password'`;
    const { rows } = await database.query<{ sum: number }>(sql);
    return rows[0]?.sum ?? Number.NaN;
  });
}

interface Interrupted {
  readonly status: number;
  readonly hashed: number;
  readonly counted: number;
}

/** Interrupts one login at a statement; undefined when no statement was left. */
async function interrupt(
  deployment: FaultyApplication,
  email: string,
  password: string,
  point: number,
  timing: FaultTiming,
): Promise<Interrupted | undefined> {
  const { app, injector } = deployment;
  const hashes = () => app.services.hashQueue.counts.computed;
  for (let attempt = 0; attempt < priorFailures; attempt += 1) await login(app, email, { password: wrong });
  await app.services.unfinishedAttempts.giveBack();
  const before = { hashes: hashes(), failures: await countFailures(deployment) };
  injector.arm(point, timing);
  const { status } = await login(app, email, { password });
  if (!injector.disarm()) return undefined;
  await app.services.unfinishedAttempts.giveBack();
  return { status, hashed: hashes() - before.hashes, counted: (await countFailures(deployment)) - before.failures };
}

interface Case {
  readonly name: string;
  readonly timings: readonly FaultTiming[];
  readonly password: string;
  /** Whether the attempt does not count in the end, although its login failed. */
  readonly isGivenBack: boolean;
  /** Creates a target of the attempts. */
  readonly createTarget: (deployment: FaultyApplication) => Promise<string>;
}

const aUser = async ({ app }: FaultyApplication) => (await addScenarioUser(app)).email;
const wrong = 'never the password';
const cases: readonly Case[] = [
  {
    name: 'a wrong password of a user',
    timings: ['before', 'after'],
    password: wrong,
    isGivenBack: false,
    createTarget: aUser,
  },
  {
    name: 'a wrong password of an unknown address',
    timings: ['before', 'after'],
    password: wrong,
    isGivenBack: false,
    createTarget: async () => uniqueEmail(),
  },
  // After the commit of a right password the counter is reset, whether or not the response arrives.
  { name: 'the right password', timings: ['before'], password: validPassword, isGivenBack: true, createTarget: aUser },
];

async function interruptEverywhere(deployment: FaultyApplication, { timings, password, createTarget }: Case) {
  const interrupted: Interrupted[] = [];
  for (const timing of timings) {
    for (let point = 0; point < maxStatements; point += 1) {
      const found = await interrupt(deployment, await createTarget(deployment), password, point, timing);
      if (found === undefined) break;
      interrupted.push(found);
    }
  }
  return interrupted;
}

describe.each([
  ['PostgreSQL', openOnPostgres],
  ['the embedded database', openOnEmbedded],
] as const)('a login on %s with a failing statement', (_, open) => {
  let deployment: FaultyApplication;

  beforeAll(async () => {
    deployment = await open();
  });

  afterAll(() => deployment[Symbol.asyncDispose]());

  it.each(cases)('counts the hash, whichever statement fails, but for the right password: $name', async (target) => {
    const interrupted = await interruptEverywhere(deployment, target);
    const failed = interrupted.filter(({ hashed, status }) => hashed > 0 && status >= 500);
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.filter(({ hashed, counted }) => counted !== (target.isGivenBack ? 0 : hashed))).toEqual([]);
  });
});
