import { binary, type Step, sourcePaths } from './steps.ts';

const format: Step = {
  name: 'format and lint (Biome)',
  command: [binary('@biomejs/biome/bin/biome'), 'ci', '--colors=off', '.'],
};
const lint: Step = {
  name: 'lint with types (oxlint)',
  command: [binary('oxlint/bin/oxlint'), '--deny-warnings', ...sourcePaths],
};
const types: Step = {
  name: 'types',
  command: [binary('typescript/bin/tsc'), '--noEmit', '--checkers', '2', '-p', '.'],
};
const unused: Step = {
  name: 'unused code (knip)',
  command: [binary('knip/bin/knip.js'), '--no-progress', '--no-config-hints'],
};
const generated: Step = { name: 'generated files', command: ['tools/generate.ts', '--check'] };

/** The tests start programs from it. */
const bundle: Step = { name: 'bundle', command: ['tools/build.ts'] };

/** The checks that run no test, in groups of steps that run in parallel on two cores. */
export const staticChecks: readonly (readonly Step[])[] = [
  [format, types, bundle],
  [lint, unused, generated],
];
