/** The operator's listener of several processes: it merges what they report. */
import { randomUUID } from 'node:crypto';
import type { Config } from '#config/index.ts';
import { operatorEndpoints, Readiness } from '#flows/probes/index.ts';
import { assert } from '#kernel/assert.ts';
import { systemClock } from '#kernel/clock.ts';
import { pageRenderer } from '#pages/renderer.ts';
import { buildServer, type Endpoint, type HttpServer } from '#platform/http/index.ts';
import { createMetrics, type Logger } from '#platform/telemetry/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { openBrand } from '../brand.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Supervisor } from './supervisor.ts';

interface OperatorServerOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly supervisor: Supervisor;
  readonly count: number;
}

/** `/readyz` is 200 once all processes have started, and while at least one runs and none of those that run is unready. */
export function buildOperatorServer({ config, logger, lifecycle, supervisor, count }: OperatorServerOptions) {
  const metrics = createMetrics({ processMetrics: false });
  metrics.watch('serving_processes', () => supervisor.readyProcesses);
  metrics.watch('serving_process_deaths_total', () => supervisor.deaths);
  const checks = [
    { name: 'process', run: () => lifecycle.unready },
    { name: 'processes', shared: true, run: () => supervisor.unready() } as const,
    { name: 'restarts', optional: true, run: () => restarting(supervisor.readyProcesses, count) } as const,
  ];
  const merged = { render: async () => supervisor.renderMetrics(await metrics.snapshot()) };
  return buildBareServer(config, {
    logger,
    metrics,
    endpoints: operatorEndpoints(new Readiness({ checks, clock: systemClock }), merged),
  });
}

function restarting(ready: number, count: number): string | undefined {
  return ready === count ? undefined : `${ready} of ${count} processes are ready`;
}

/**
 * Takes the public port for a moment, and returns its number. The processes share it with any other program of this user that
 * allows sharing, such as another Latchkey, which would then get some of the connections.
 *
 * @throws ListenFailed when another program has it.
 */
export async function probePublicPort(config: Config, logger: Logger): Promise<number> {
  const metrics = createMetrics({ processMetrics: false });
  const server = await buildBareServer(config, { logger, metrics, endpoints: [] });
  const [address] = await server.listen({ hosts: config.http.hosts, port: config.http.port });
  await server.close({ graceMs: 0 });
  assert(address !== undefined, 'the first host is required');
  return address.port;
}

/** Its endpoints need no credential, no quota and no database. */
function buildBareServer(
  config: Config,
  own: Pick<Parameters<typeof buildServer>[0], 'logger' | 'metrics'> & { readonly endpoints: readonly Endpoint[] },
): Promise<HttpServer> {
  const none = { headers: [], retryAfterSeconds: undefined };
  return buildServer({
    ...own,
    authenticate: () => 'malformed',
    publicUrl: new URL(config.http.publicUrl),
    production: config.mode === 'production',
    clock: systemClock,
    parseJson: (text) => parseStrictJson(text, { maxDepth: 1 }),
    resolveClientAddress: ({ socketAddress }) => socketAddress,
    isTrustedPeer: () => false,
    makeRequestId: randomUUID,
    limiter: { use: () => none, useShared: refuseSharedQuota, bucketOf: (address) => address },
    pages: pageRenderer(openBrand(config).catalogues),
    isListedOrigin: () => false,
  });
}

function refuseSharedQuota(): never {
  throw new Error('no probe has a shared quota');
}
