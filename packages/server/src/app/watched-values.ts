/** Metrics whose values are read at each scrape. */
import type { Readiness } from '#flows/probes/index.ts';
import type { MailTransport } from '#platform/mail/index.ts';
import type { Metrics } from '#platform/telemetry/index.ts';
import type { Services } from './wiring.ts';

interface Running {
  readonly readiness: Pick<Readiness, 'latest'>;
  readonly transport: MailTransport;
}

/** Call it once per process. */
export function watchValues(services: Services, { readiness, transport }: Running): void {
  const { metrics, version, sessions, revocations, signingKeys, hashQueue, clock, outbound } = services;
  const ageOf = (since: Date) => (clock.now().getTime() - since.getTime()) / 1000;
  metrics.watch('latchkey_info', () => [[{ version, node: process.versions.node }, 1]]);
  metrics.watch('session_cache_hits_total', () => sessions.counts.hits);
  metrics.watch('session_cache_misses_total', () => sessions.counts.misses);
  metrics.watch('revocation_feed_age_seconds', () => revocations.ageMs() / 1000);
  metrics.watch('signing_key_age_seconds', () => ageOf(signingKeys.activeSince));
  metrics.watch('password_hash_queue_depth', () => hashQueue.depth);
  metrics.watch('password_hashes_total', () => hashQueue.counts.computed);
  metrics.watch('password_hashes_refused_total', () => hashQueue.counts.refused);
  metrics.watch('readiness', () =>
    Object.entries(readiness.latest()).map(([check, result]) => [{ check }, result === 'ok' ? 1 : 0]),
  );
  metrics.watch('breaker_open', () => [
    [{ service: 'smtp' }, transport.unavailableForSeconds() > 0 ? 1 : 0],
    ...[...outbound.circuits()].map(([service, isOpen]) => [{ service }, isOpen ? 1 : 0] as const),
  ]);
  watchServers(services);
  startAtZero(metrics);
}

function watchServers({ metrics, opened, redis, dependencies }: Services): void {
  if (redis !== undefined) metrics.watch('redis_up', () => (dependencies.reason('redis') === undefined ? 1 : 0));
  if (opened.kind === 'embedded') return;
  const { database } = opened;
  metrics.watch('db_pool_connections', () => database.poolUse().open);
  metrics.watch('db_pool_waiting', () => database.poolUse().waiting);
  metrics.watch('db_lane_in_flight', () => database.laneUse().map(({ lane, inFlight }) => [{ lane }, inFlight]));
  if (database.replicaUse() !== undefined) {
    metrics.watch('db_replica_reads_total', () =>
      Object.entries(database.replicaUse() ?? {}).map(([server, count]) => [{ server }, count]),
    );
  }
  metrics.watch('db_reconnects_total', () => database.laneUse().map(({ lane, failures }) => [{ lane }, failures]));
}

/** A counter that begins with its first event at 1 hides that event from \`rate\` and \`increase\`. */
function startAtZero(metrics: Metrics): void {
  metrics.count('user_registrations_total', {}, 0);
  for (const outcome of ['refreshed', 'refused', 'reused']) metrics.count('refreshes_total', { outcome }, 0);
  for (const priority of ['low', 'normal', 'high']) metrics.count('http_requests_shed_total', { priority }, 0);
  for (const signal of ['traces', 'errors', 'profiles', 'metrics'])
    metrics.count('telemetry_dropped_total', { signal }, 0);
}
