/** Opens the export of traces, if one is configured. */
import type { Config } from '#config/index.ts';
import { type Logger, type Metrics, openTracer, type Tracer } from '#platform/telemetry/index.ts';
import type { OpenResources } from './open-resources.ts';
import type { SecretUsers } from './secret-reload.ts';
import { version } from './version.ts';

/** The operations that most requests are. */
const frequent: ReadonlySet<string> = new Set(['session.check']);

/** Longer than the export at the end takes. */
const closeMs = 3000;

interface TracingDeps {
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly resources: OpenResources;
  readonly secretUsers: SecretUsers;
}

/** Returns undefined, and loads nothing, without a collector. */
export async function openTracing(
  { traces }: Config,
  { metrics, logger, resources, secretUsers }: TracingDeps,
): Promise<Tracer | undefined> {
  const { url, sampler, samplerArgument: ratio = 1, serviceName = 'latchkey', resource = {} } = traces;
  if (url === undefined) return undefined;
  let { headers } = traces;
  secretUsers.add(
    'OTEL_EXPORTER_OTLP_HEADERS',
    (now) => now.traces.headers,
    (now) => {
      headers = now;
      return true;
    },
  );
  const tracer = await openTracer({
    url,
    headers: () => headers ?? {},
    sampler,
    ratio,
    frequent,
    resource: { ...resource, 'service.name': serviceName, 'service.version': version },
    onDropped: (count) => metrics.count('telemetry_dropped_total', { signal: 'traces' }, count),
    onExport: (error) => {
      if (error === undefined) logger.info('traces are exported again');
      else logger.warn('traces cannot be exported', { error });
    },
  });
  resources.add(
    'traces',
    () => tracer.close(),
    () => closeMs,
  );
  return tracer;
}
