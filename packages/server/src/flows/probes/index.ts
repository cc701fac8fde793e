/**
 * Probes and metrics. Owns `/livez`, `/readyz`, `/healthz` on both listeners and, on the operator's, the checks one by
 * one and `/metrics`.
 * `/livez` touches nothing: a process that can answer is alive, and killing it would mend no database.
 */
import { documentEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type Metrics, metricsContentType } from '#platform/telemetry/index.ts';
import { type Check, type Readiness, readiness } from './readiness.ts';

export type { Check } from './readiness.ts';

const json = 'application/json; charset=utf-8';
const alive = Buffer.from('{"status":"ok"}');

/** The terse probes, for both listeners. */
export function probeEndpoints(checks: readonly Check[]): readonly Endpoint[] {
  const ready = async () => terse(await readiness(checks));
  return [
    probe('probes.live', '/livez', 'Alive: the process answers', async () => ({ status: 200, body: alive })),
    probe('probes.ready', '/readyz', 'Ready: everything that a request needs is there', ready),
    probe('probes.health', '/healthz', 'The same as /readyz', ready),
  ];
}

/** What only the operator's listener has: the same probes with each check, and the metrics. */
export function operatorEndpoints(checks: readonly Check[], metrics: Metrics): readonly Endpoint[] {
  const ready = async (query: Readonly<Record<string, string>>) => {
    const result = await readiness(checks);
    return query.verbose === undefined ? terse(result) : { status: statusOf(result), body: JSON.stringify(result) };
  };
  return [
    probe('probes.live', '/livez', 'Alive: the process answers', async () => ({ status: 200, body: alive })),
    probe('probes.ready', '/readyz', 'Ready; `?verbose` names each check', ready),
    probe('probes.health', '/healthz', 'The same as /readyz', ready),
    documentEndpoint({
      id: 'probes.metrics',
      method: 'GET',
      path: '/metrics',
      summary: 'Prometheus metrics',
      rateLimit: 'none',
      problems: [],
      contentType: metricsContentType,
      openToCors: false,
      cacheSeconds: 0,
      handler: async () => ({ status: 200, body: await metrics.render() }),
    }),
  ];
}

type Handler = Parameters<typeof documentEndpoint>[0]['handler'];

function probe(id: string, path: `/${string}`, summary: string, handler: Handler): Endpoint {
  return documentEndpoint({
    id,
    method: 'GET',
    path,
    summary,
    rateLimit: 'none',
    problems: [],
    contentType: json,
    openToCors: false,
    cacheSeconds: 0,
    handler,
  });
}

function terse(result: Readiness) {
  return { status: statusOf(result), body: JSON.stringify({ status: result.status }) };
}

function statusOf(result: Readiness): number {
  return result.status === 'ready' ? 200 : 503;
}
