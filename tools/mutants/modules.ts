import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../steps.ts';

/** What is mutated in one run: its tests are few, so that a mutant of a constant, which needs all of them, is quick. */
export type MutatedModule = {
  /** The part whose score must be reached. */
  readonly part: string;
  readonly name: string;
  /** Globs from the root of the repository. */
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
};

const source = 'packages/server/src';

/**
 * What talks to a database, or needs keys that it keeps, is left out: SQL is no code to the mutator, and the tests of both databases say more of it
 * than their mutants could. So is what runs in a thread of its own, where no mutant is switched on.
 */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  'domain/logins': ['tickets.ts', 'facts.ts'],
  'domain/passwords': ['stored.ts', 'prove-password.ts', 'open-hash.ts', 'advice-worker.ts'],
};

/** Every module of `protocol/`, and the other parts whole. */
export const mutatedModules: readonly MutatedModule[] = [
  part('kernel'),
  part('domain/logins'),
  part('domain/passwords'),
  ...readdirSync(join(root, source, 'protocol')).map((name) => ({ ...part(`protocol/${name}`), part: 'protocol' })),
];

function part(name: string): MutatedModule {
  const without = (leftOut[name] ?? []).map((file) => `!${source}/${name}/${file}`);
  return {
    part: name,
    name,
    mutate: [`${source}/${name}/**/*.ts`, '!**/*.test.ts', ...without],
    tests: [`${source}/${name}/**/*.test.ts`],
  };
}
