import type { Revocations } from '#domain/revocations/index.ts';
import type { CommittedEffects } from '#platform/database/index.ts';
import type { JobWorkers } from '#platform/jobs/index.ts';

/** Delivers the effects of committed statements. The database is opened first, so the receivers are set later. */
export class AfterCommit {
  #revocations: Pick<Revocations, 'publish'> | undefined;
  #workers: Pick<JobWorkers, 'wake'> | undefined;

  /** The node's own knowledge of revocations: a session that it revoked is rejected before its response is sent. */
  publishTo(revocations: Pick<Revocations, 'publish'>): void {
    this.#revocations = revocations;
  }

  /** The workers of this process, if it has any; those of other processes poll. */
  wake(workers: Pick<JobWorkers, 'wake'>): void {
    this.#workers = workers;
  }

  deliver({ revoked, enqueued }: CommittedEffects): void {
    for (const revocation of revoked) this.#revocations?.publish(revocation);
    // After the response is on its way: a job's work must not show in the duration of the request (invariant 13).
    if (enqueued) setImmediate(() => this.#workers?.wake());
  }
}
