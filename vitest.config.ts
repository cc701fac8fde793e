import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tools/vitest-longest-first.ts';

const server = 'packages/server';
const databases = ['postgres', 'embedded-template'].map((name) => `${server}/test/support/${name}.ts`);
/** They measure times and shares of a core, or compare priorities: one at a time, before the other tests lower theirs. */
const measuring = [
  ...['processes', 'thread-priority', 'failing-start', 'page-time'].map((name) => `e2e/${name}.test.ts`),
  `${server}/src/domain/passwords/crypt-thread.test.ts`,
];
/** They compute hashes, start processes or wait for deadlines for more than a second: `npm run check` leaves them out. */
const long = [
  ...[
    'domain/attempts/concurrent-attempts',
    'domain/passwords/advice',
    'domain/passwords/breached/password-filter',
    'domain/passwords/hashes',
    'domain/passwords/old-hashes',
    'flows/probes/readiness',
    'platform/control-socket/control-socket',
    'platform/data-directory/index',
    'platform/database/postgres/server-search',
    'platform/mail/smtp-refusals',
    'platform/telemetry/error-reports',
    'platform/telemetry/profile-push',
    'protocol/webauthn/differential',
  ].map((name) => `${server}/src/${name}.test.ts`),
  'tools/deploy/manifest-types.test.ts',
  'tools/deploy/release-script.test.ts',
];
/** It compares every statement that its process has declared, among which those of other tests must not be. */
const statements = `${server}/test/statements.db.test.ts`;
/** They test `src/app`, the composition of the whole: the only tests outside `src` whose coverage is counted. */
const application = ['command-line/**/*', 'processes/**/*', 'failing-start'].map(
  (name) => `${server}/test/${name}.test.ts`,
);
/** Pure code leaves nothing behind, so one worker runs many files; a worker for each would cost 145 ms a file. */
const shared = { pool: 'threads', isolate: false, testTimeout: 20_000, sequence: { groupOrder: 0 } } as const;
/** Files share the processes of the workers: each file would load the whole program again. */
const together = { isolate: false, sequence: { groupOrder: 1 } } as const;
/** Some of their tests start programs, wait for deadlines or repeat requests for every state. */
const slow = { globalSetup: databases, testTimeout: 120_000, hookTimeout: 60_000 } as const;
const architecture = [`${server}/test/architecture.test.ts`, `${server}/test/architecture/**/*.test.ts`];

export default defineConfig({
  test: {
    reporters: ['default', './tools/vitest-closing-line.ts'],
    // One more than the cores of the smallest machine: it works while others wait for deadlines and for other programs.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    coverage: {
      provider: 'v8',
      include: [`${server}/src/**/*.ts`],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      reportOnFailure: true,
      thresholds: { lines: 95 },
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [`${server}/src/**/*.test.ts`, 'tools/**/*.test.ts', ...architecture],
          exclude: ['**/*.db.test.ts', '**/*.http.test.ts', ...long, ...measuring],
          ...shared,
        },
      },
      { extends: true, test: { name: 'unit-long', include: long, ...shared } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: [`${server}/src/**/*.{db,http}.test.ts`, ...application, 'bin/**/*.test.ts'],
          ...slow,
          ...together,
        },
      },
      {
        extends: true,
        test: {
          // Most repeat requests for every state, statement, role or page, or drive programs in processes of their own. Coverage
          // would cost a third of their time. It is 95.2 % of the lines without them, and 96.8 % with the shorter ones.
          name: 'product',
          include: [`${server}/test/**/*.test.ts`, 'e2e/**/*.test.ts'],
          exclude: [...architecture, ...application, statements, ...measuring],
          ...slow,
          ...together,
        },
      },
      { extends: true, test: { name: 'statements', include: [statements], ...slow, ...together, isolate: true } },
      {
        extends: true,
        test: {
          name: 'alone',
          include: measuring,
          ...slow,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
