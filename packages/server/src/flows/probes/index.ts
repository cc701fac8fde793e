/**
 * Probes and metrics. Owns `/livez`, `/readyz` and `/healthz` on both listeners, and on the operator's listener also
 * `?verbose` and `/metrics`; no tables.
 *
 * `/livez` must not depend on the database or any other service: restarting the process would not repair them.
 */
import { documentEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type Metrics, metricsContentType } from '#platform/telemetry/index.ts';
import type { Readiness, ReadinessResult } from './readiness.ts';

export { type Check, Readiness, type ReadinessResult } from './readiness.ts';

const json = 'application/json; charset=utf-8';
const live = { status: 200, body: '{"status":"ok"}' } as const;

/** The probes of the public listener; they return only the status. */
export function probeEndpoints(readiness: Readiness): readonly Endpoint[] {
  const ready = async () => terse(await readiness.read());
  return [
    probe('probes.live', '/livez', 'Liveness: the process responds', () => live),
    readyProbe('probes.ready', '/readyz', 'Readiness: every dependency of a request is available', ready),
    readyProbe('probes.health', '/healthz', 'The same as /readyz', ready),
  ];
}

/** The probes of the operator's listener, where `?verbose` lists each check, and the metrics. */
export function operatorEndpoints(readiness: Readiness, metrics: Pick<Metrics, 'render'>): readonly Endpoint[] {
  const ready = async (query: Readonly<Record<string, string>>) => {
    const result = await readiness.read();
    return query.verbose === undefined ? terse(result) : { status: statusOf(result), body: JSON.stringify(result) };
  };
  return [
    probe('probes.live', '/livez', 'Liveness: the process responds', () => live),
    readyProbe('probes.ready', '/readyz', 'Readiness; `?verbose` lists each check', ready),
    readyProbe('probes.health', '/healthz', 'The same as /readyz', ready),
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

const notReady = { status: 503, when: 'A dependency of requests is unavailable.' } as const;

function readyProbe(id: string, path: `/${string}`, summary: string, handler: Handler): Endpoint {
  return documentEndpoint({ ...probeDeclaration(id, path, summary, handler), bad: notReady });
}

function probe(id: string, path: `/${string}`, summary: string, handler: Handler): Endpoint {
  return documentEndpoint(probeDeclaration(id, path, summary, handler));
}

function probeDeclaration(id: string, path: `/${string}`, summary: string, handler: Handler) {
  return {
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
  } as const;
}

function terse(result: ReadinessResult) {
  return { status: statusOf(result), body: JSON.stringify({ status: result.status }) };
}

function statusOf(result: ReadinessResult): number {
  return result.status === 'ready' ? 200 : notReady.status;
}
