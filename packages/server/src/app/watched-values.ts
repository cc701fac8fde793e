/** Metrics whose values are read at each scrape. */
import type { Services } from './wiring.ts';

/** Call it once per process. */
export function watchValues({ metrics, sessions, revocations, hashQueue, opened }: Services): void {
  metrics.watch(
    'counter',
    'session_cache_hits_total',
    'Session checks served from the cache.',
    () => sessions.counts.hits,
  );
  metrics.watch(
    'counter',
    'session_cache_misses_total',
    'Session checks that queried the database.',
    () => sessions.counts.misses,
  );
  metrics.watch(
    'shared',
    'revocation_feed_age_seconds',
    'Seconds since the last successful read of the revocation feed.',
    () => revocations.ageMs() / 1000,
  );
  metrics.watch('gauge', 'password_hash_queue_depth', 'Password hashes that wait in the queue.', () => hashQueue.depth);
  metrics.watch('counter', 'password_hashes_total', 'Password hashes computed.', () => hashQueue.counts.computed);
  metrics.watch(
    'counter',
    'password_hashes_refused_total',
    'Password hashes rejected because the queue was full.',
    () => hashQueue.counts.refused,
  );
  if (opened.kind === 'embedded') return;
  metrics.watch('gauge', 'db_pool_connections', 'Open connections of the pool.', () => opened.database.poolUse().open);
  metrics.watch(
    'gauge',
    'db_pool_waiting',
    'Callers that wait for a pooled connection.',
    () => opened.database.poolUse().waiting,
  );
}
