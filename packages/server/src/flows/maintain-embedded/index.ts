/**
 * What the embedded database does not do by itself: it has no autovacuum, and it never syncs its files. Owns the job
 * `maintain.embedded`, daily.
 */
import type { Clock } from '#kernel/clock.ts';
import type { DataDirectory } from '#platform/data-directory/index.ts';
import { type EmbeddedDatabase, writeBackup } from '#platform/database/index.ts';
import type { JobHandler, JobSchedule } from '#platform/jobs/index.ts';

/** What maintaining needs. */
export interface MaintainEmbedded {
  readonly database: EmbeddedDatabase;
  readonly directory: DataDirectory;
  readonly clock: Clock;
}

/** Vacuums, then writes the day's dump beside the database. */
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
