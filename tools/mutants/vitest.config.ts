import { defineConfig } from 'vitest/config';

/** Runs the unit tests of one module against its mutants. `tools/proofs/mutants.ts` sets the variable. */
export default defineConfig({
  test: {
    include: (process.env.LATCHKEY_MUTANTS_TESTS ?? '').split(','),
    exclude: ['**/*.db.test.ts', '**/*.http.test.ts'],
    pool: 'threads',
    testTimeout: 20_000,
  },
});
