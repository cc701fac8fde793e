/**
 * Daily maintenance of the embedded database, which has no autovacuum and does not fsync its files. Owns the job
 * `maintain.embedded`; no routes and no tables.
 */
import type { Clock } from '#kernel/clock.ts';
import type { DataDirectory } from '#platform/data-directory/index.ts';
import { type EmbeddedDatabase, writeBackup } from '#platform/database/index.ts';
import type { JobHandler, JobSchedule } from '#platform/jobs/index.ts';

export interface MaintainEmbedded {
  readonly database: EmbeddedDatabase;
  readonly directory: DataDirectory;
  readonly clock: Clock;
}

/** Vacuums the database, then writes the daily dump into the data directory. */
export function maintenanceHandler({ database, directory, clock }: MaintainEmbedded): JobHandler {
  return {
    kind: 'maintain.embedded',
    maxAttempts: 3,
    leaseSeconds: 120,
    handle: async () => {
      await database.exclusively((client) => client.query('vacuum (analyze)'));
      await writeBackup(database, directory.path, clock.now());
      return { kind: 'done' };
    },
  };
}

export const maintenanceSchedule: JobSchedule = {
  name: 'maintain-embedded',
  kind: 'maintain.embedded',
  everySeconds: 24 * 60 * 60,
};
