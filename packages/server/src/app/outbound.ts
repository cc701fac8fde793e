/** Creates the outbound client with its metrics and logs. */
import type { Config } from '#config/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Outbound, type OutboundObservation, type OutboundPolicy } from '#platform/outbound/index.ts';
import type { Logger, Metrics } from '#platform/telemetry/index.ts';
import { isGlobal, isLoopback } from '#protocol/network-address/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { OperatorError } from './operator-error.ts';

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
  return new Outbound({ clock, production, isGlobal, isLoopback, parseJson: parseStrictJson, observe });
}

/** Throws at start when the client would refuse every request to a configured URL. */
export function requireAllowedUrl(
  outbound: Outbound,
  setting: string,
  { url, ...policy }: OutboundPolicy & { url: string },
) {
  const refusal = outbound.examine(url, policy);
  if (refusal !== undefined) throw new OperatorError(`${setting} is not allowed: ${refusal}.`, 78);
}
