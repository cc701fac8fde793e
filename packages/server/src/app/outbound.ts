/** Creates the outbound client with its metrics and logs. */
import type { Config } from '#config/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Dependencies } from '#platform/dependencies/index.ts';
import { Outbound, type OutboundObservation } from '#platform/outbound/index.ts';
import type { Metrics } from '#platform/telemetry/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';

interface Ground {
  readonly config: Config;
  readonly clock: Clock;
  readonly dependencies: Dependencies;
  readonly metrics: Metrics;
}

export function wireOutbound({ config, clock, dependencies, metrics }: Ground): Outbound {
  const observe = ({ purpose, outcome, milliseconds, status = 0 }: OutboundObservation): void => {
    metrics.observe('outbound_request_duration_seconds', { purpose, outcome }, milliseconds / 1000);
    // Not the service's fault: too many of our own requests are in progress.
    if (outcome === 'overloaded') dependencies.rejected(purpose, outcome);
    else if (outcome !== 'answered') dependencies.refused(purpose, outcome);
    else if (status >= 400) dependencies.refused(purpose, `status ${status}`);
    else dependencies.works(purpose);
  };
  const production = config.mode === 'production';
  return new Outbound({
    clock,
    readDestination: (url, policy) => readDestination(url, { ...policy, production }),
    parseJson: parseStrictJson,
    observe,
  });
}
