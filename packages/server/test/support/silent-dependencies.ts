import { systemClock } from '#kernel/clock.ts';
import { Dependencies } from '#platform/dependencies/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';

/** The reports of external services without a log. */
export function silentDependencies(): Dependencies {
  const destination = { write: () => undefined };
  const logger = createLogger({ level: 'silent', service: 'test', version: '0', destination });
  return new Dependencies({ clock: systemClock, logger });
}
