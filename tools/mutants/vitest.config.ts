import { defineConfig } from 'vitest/config';

/** The tests that judge the mutants of one module: its own, without a database. `tools/proofs/mutants.ts` names them. */
export default defineConfig({
  test: {
    include: (process.env.LATCHKEY_MUTANTS_TESTS ?? '').split(','),
    exclude: ['**/*.db.test.ts', '**/*.http.test.ts'],
    pool: 'threads',
    testTimeout: 20_000,
  },
});
