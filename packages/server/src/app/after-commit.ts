import type { Revocations } from '#domain/revocations/index.ts';
import type { CommittedEffects } from '#platform/database/index.ts';
import type { JobWorkers } from '#platform/jobs/index.ts';
import type { Metrics } from '#platform/telemetry/index.ts';

/** Delivers the effects of committed statements. The database is opened first, so the receivers are set later. */
export class AfterCommit {
  readonly #metrics: Pick<Metrics, 'count'>;
  #revocations: Pick<Revocations, 'publish'> | undefined;
  #workers: Pick<JobWorkers, 'wake'> | undefined;

  constructor(metrics: Pick<Metrics, 'count'>) {
    this.#metrics = metrics;
  }

  /** The node's own knowledge of revocations: a session that it revoked is rejected before its response is sent. */
  publishTo(revocations: Pick<Revocations, 'publish'>): void {
    this.#revocations = revocations;
  }

  /** The workers of this process, if it has any; those of other processes poll. */
  wake(workers: Pick<JobWorkers, 'wake'>): void {
    this.#workers = workers;
  }

  deliver({ revoked, enqueued }: CommittedEffects): void {
    for (const revocation of revoked) {
      this.#revocations?.publish(revocation);
      const { reason } = revocation;
      if (reason !== undefined) this.#metrics.count('sessions_ended_total', { reason });
    }
    // After the response is on its way: a job's work must not show in the duration of the request (invariant 13).
    if (enqueued) setImmediate(() => this.#workers?.wake());
  }
}
