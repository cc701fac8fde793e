import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../steps.ts';

/** The unit of one run. Few tests keep a mutant of a constant, which runs all of them, fast. */
export type MutatedModule = {
  /** The part that must reach the score. */
  readonly part: string;
  readonly name: string;
  /** Globs from the root of the repository. */
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
};

const source = 'packages/server/src';

/**
 * Left out: files that are little more than SQL, which the mutator only deletes as a whole; and the code of worker threads, in
 * which no mutant is active.
 */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  'domain/authentication': ['statements.ts'],
  'domain/passwords': ['stored.ts', 'advice-worker.ts', 'crypt-worker.ts'],
};

/** Every module of `protocol/`, and the other parts whole. */
export const mutatedModules: readonly MutatedModule[] = [
  part('kernel'),
  part('domain/authentication'),
  part('domain/passwords'),
  ...readdirSync(join(root, source, 'protocol')).map((name) => ({ ...part(`protocol/${name}`), part: 'protocol' })),
];

function part(name: string): MutatedModule {
  const without = (leftOut[name] ?? []).map((file) => {
    if (!existsSync(join(root, source, name, file))) throw new Error(`${name}/${file} is left out and does not exist`);
    return `!${source}/${name}/${file}`;
  });
  return {
    part: name,
    name,
    mutate: [`${source}/${name}/**/*.ts`, '!**/*.test.ts', ...without],
    tests: [`${source}/${name}/**/*.test.ts`],
  };
}
