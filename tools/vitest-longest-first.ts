import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The files that take longest, by a whole run on two cores: one that starts last keeps one core while the other has
 * nothing to do. Vitest knows the times of the last run, but a clean clone has none.
 */
export const longest: readonly string[] = [
  'packages/server/test/faults/statements/every-statement.postgres.test.ts',
  'packages/server/test/faults/statements/every-statement.embedded.test.ts',
  'e2e/cross-site.test.ts',
  'e2e/pages.test.ts',
  'e2e/sign-in-pages.test.ts',
  'packages/server/test/login-gate.test.ts',
  'packages/server/test/revocation-matrix/revocation-matrix.test.ts',
  'packages/server/test/timing/timing.test.ts',
  'packages/server/test/races/races.test.ts',
  'e2e/hostile-text.test.ts',
  'packages/server/test/faults/crashes.test.ts',
  'packages/server/test/authorization.test.ts',
  'packages/server/test/command-line/server-down.test.ts',
  'e2e/application.test.ts',
  'e2e/account-pages.test.ts',
  'e2e/passkeys.test.ts',
  'packages/server/test/faults/account-crashes.test.ts',
  'e2e/sign-up-pages.test.ts',
  'e2e/start-and-stop.test.ts',
  'e2e/failing-processes.test.ts',
  'e2e/guessing.test.ts',
  'packages/server/test/canaries/canaries.test.ts',
  'packages/server/test/housekeeping.test.ts',
  'packages/server/test/command-line/postgres-server.test.ts',
  'packages/server/test/command-line/embedded-server.test.ts',
  'packages/server/test/faults/stop-without-database.test.ts',
  'packages/server/test/faults/refusing-database.test.ts',
];

/** Within a group of projects, runs the longest files first, and the others in vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => {
      const rank = longest.indexOf(relative(this.ctx.config.root, moduleId));
      return rank < 0 ? longest.length : rank;
    };
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}
