import { defineConfig } from 'vitest/config';

/**
 * Runs the tests of one module against its mutants. `tools/proofs/mutants.ts` sets the variable. Tests of the database run on
 * the embedded one, in the process: a mutant of our code is the same on both.
 */
export default defineConfig({
  test: {
    include: (process.env.LATCHKEY_MUTANTS_TESTS ?? '').split(','),
    exclude: ['**/*.http.test.ts'],
    globalSetup: ['packages/server/test/support/embedded-template.ts'],
    provide: { databasesOfTests: ['embedded'] },
    pool: 'threads',
    // A run has a low priority: on a busy machine a database opens slowly.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
