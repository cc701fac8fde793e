/**
 * Background jobs. Owns the tables `jobs` and `job_schedules`; no routes.
 *
 * Invariants:
 * - A job commits with the change that caused it, or not at all.
 * - One worker holds a job at a time, while it renews its lease. A worker that lost the lease cannot complete the job.
 * - A completed job is deleted; one without further attempts stays as a dead letter until it is retried or swept.
 * - A singleton key has at most one job that is not a dead letter.
 *
 * There is no LISTEN/NOTIFY: a NOTIFY in an effect's statement takes a lock that serializes all commits (421/s instead
 * of 12,196/s at 32 clients with a 2 ms flush). The enqueuing process wakes its own workers after the commit; those of
 * other processes poll each second.
 */
export { type BackOff, backOffSeconds } from './back-off.ts';
export { type DeadLetter, listDeadLetters, retryDeadLetter, sweepDeadLetters } from './dead-letters.ts';
export { type QueueDepth, readQueueDepth } from './depth.ts';
export { type EnqueueFragment, enqueueFragment, enqueueJob, type NewJob } from './enqueue.ts';
export type { Job, JobEvent, JobHandler, JobOutcome, JobSchedule } from './job.ts';
export { JobWorkers, type JobWorkersOptions } from './workers.ts';
