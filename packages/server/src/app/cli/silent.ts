/** Watchers for a command: its answer is all that it says. */
import { systemClock } from '#kernel/clock.ts';
import { createLogger, createMetrics } from '#platform/telemetry/index.ts';
import type { Watchers } from '../open-database.ts';
import { version } from '../version.ts';

/** Nobody scrapes a command's metrics, and its log would end up between its answers. */
export function silentWatchers(): Watchers {
  return {
    clock: systemClock,
    logger: createLogger({ level: 'silent', service: 'latchkey', version }),
    metrics: createMetrics({ processMetrics: false }),
  };
}
