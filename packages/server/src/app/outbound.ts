/** Creates the outbound client with its metrics and logs. */
import type { Config } from '#config/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Outbound, type OutboundObservation } from '#platform/outbound/index.ts';
import type { Logger, Metrics } from '#platform/telemetry/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';

interface Ground {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export function wireOutbound({ config, clock, logger, metrics }: Ground): Outbound {
  const observe = ({ purpose, outcome, milliseconds }: OutboundObservation): void => {
    metrics.observeOutbound(purpose, outcome, milliseconds / 1000);
    if (outcome === 'answered') return;
    logger.warn('an outbound request failed', { component: purpose, outcome, milliseconds });
  };
  const production = config.mode === 'production';
  return new Outbound({
    clock,
    readDestination: (url, policy) => readDestination(url, { ...policy, production }),
    parseJson: parseStrictJson,
    observe,
  });
}
