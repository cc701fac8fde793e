/** Observers for commands, whose only output is their result. */
import { systemClock } from '#kernel/clock.ts';
import { Dependencies } from '#platform/dependencies/index.ts';
import { createLogger, createMetrics } from '#platform/telemetry/index.ts';
import type { Watchers } from '../open-database.ts';
import { OpenResources } from '../open-resources.ts';
import { version } from '../version.ts';

/** No metrics, because a command is not scraped, and no log, because it would mix with the output. */
export function silentWatchers(): Watchers {
  const logger = createLogger({ level: 'silent', service: 'latchkey', version });
  return {
    clock: systemClock,
    logger,
    resources: new OpenResources(logger),
    dependencies: new Dependencies({ clock: systemClock, logger }),
    metrics: createMetrics({ processMetrics: false }),
  };
}
