/** Values of this process that metrics read when somebody looks. */
import type { Services } from './wiring.ts';

/** Registers them; called once. */
export function watchValues({ metrics, sessions, revocations, hashQueue, opened }: Services): void {
  metrics.watch(
    'counter',
    'session_cache_hits_total',
    'Session checks answered from memory.',
    () => sessions.counts.hits,
  );
  metrics.watch(
    'counter',
    'session_cache_misses_total',
    'Session checks that asked the database.',
    () => sessions.counts.misses,
  );
  metrics.watch(
    'gauge',
    'revocation_feed_age_seconds',
    'Since the last successful read of revocations.',
    () => revocations.ageMs() / 1000,
  );
  metrics.watch('gauge', 'password_hash_queue_depth', 'Password hashes that wait.', () => hashQueue.depth);
  metrics.watch('counter', 'password_hashes_total', 'Password hashes computed.', () => hashQueue.counts.computed);
  metrics.watch(
    'counter',
    'password_hashes_refused_total',
    'Password hashes refused because the queue was full.',
    () => hashQueue.counts.refused,
  );
  if (opened.kind === 'embedded') return;
  metrics.watch('gauge', 'db_pool_connections', 'Open connections of the pool.', () => opened.database.poolUse().open);
  metrics.watch(
    'gauge',
    'db_pool_waiting',
    'Callers that wait for a connection of the pool.',
    () => opened.database.poolUse().waiting,
  );
}
