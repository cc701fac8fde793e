/** The monthly partitions of `audit_events`. The migration declares the function that attaches one (ADR 0031). */
import type { Clock } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { JobHandler, JobSchedule } from '#platform/jobs/index.ts';
import type { Logger } from '#platform/telemetry/index.ts';

const attach = statement('audit_events.attach_partition', {
  lane: 'pool',
  sql: 'select attach_audit_partition(:month::text::date) as outcome',
  params: { month: 'text' },
  columns: { outcome: 'text?' },
});

/** The month of the clock and these following months have a partition before their first event. */
const monthsAhead = 3;

/**
 * `in_default`: the default partition already has events of the month, so it keeps them and all that follow. `out_of_range`: the month
 * is far from the time of the database, so its events also go to the default partition.
 */
export interface AttachedPartition {
  readonly month: string;
  readonly outcome: 'attached' | 'present' | 'in_default' | 'out_of_range';
}

/**
 * Attaches the partitions of the month of `now` and of the next three. `now` is the time that makes the ids of events.
 *
 * @throws AggregateError after all months were tried, when one failed: another statement held a lock for 100 ms.
 */
export async function attachPartitions(database: Database, now: Date): Promise<readonly AttachedPartition[]> {
  const results: AttachedPartition[] = [];
  const errors: unknown[] = [];
  for (const month of monthsFrom(now)) {
    try {
      results.push(await attachPartition(database, month));
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, 'a partition of the audit log was not attached');
  return results;
}

async function attachPartition(database: Database, month: string): Promise<AttachedPartition> {
  const row = await database.row(attach, { month });
  return { month, outcome: row?.outcome as AttachedPartition['outcome'] };
}

/** The first days of the month of `now` and of the months after it, such as `2030-01-01`. */
function monthsFrom(now: Date): readonly string[] {
  return Array.from({ length: monthsAhead + 1 }, (_, ahead) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead)).toISOString().slice(0, 10),
  );
}

/** Daily, so that a failure of weeks still leaves time. */
export const partitionSchedule: JobSchedule = {
  name: 'attach-audit-partitions',
  kind: 'audit.attach_partitions',
  everySeconds: 24 * 60 * 60,
};

export function partitionHandler(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}): JobHandler {
  return {
    kind: partitionSchedule.kind,
    maxAttempts: 10,
    leaseSeconds: 60,
    handle: async () => {
      const months = await attachPartitions(deps.database, deps.clock.now());
      const count = months.filter(({ outcome }) => outcome === 'attached').length;
      if (count > 0) deps.logger.info('partitions of the audit log were attached', { count });
      if (months.some(({ outcome }) => outcome === 'in_default')) {
        deps.logger.warn('the default partition of the audit log has events of a coming month, so it keeps that month');
      }
      return { kind: 'done' };
    },
  };
}
