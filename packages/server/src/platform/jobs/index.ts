/**
 * Background work. Owns the tables `jobs` and `job_schedules`.
 * Invariants: a job commits with the change that caused it or not at all; one worker holds a job at a time, for as long
 * as it renews its lease; who lost the lease can complete nothing; a job that succeeded is deleted, one that was given
 * up stays as a dead letter until it is retried or swept; a singleton key has at most one job that is not dead.
 * There is no LISTEN/NOTIFY: a NOTIFY in an effect's statement takes a lock that serialises all commits (421/s instead of
 * 12,196/s at 32 clients with a 2 ms flush). The enqueuing process wakes its own worker, others poll each second.
 */
export { type BackOff, backOffSeconds } from './back-off.ts';
export { type DeadLetter, listDeadLetters, retryDeadLetter, sweepDeadLetters } from './dead-letters.ts';
export { type QueueDepth, readQueueDepth } from './depth.ts';
export { type EnqueueFragment, enqueueFragment, enqueueJob, type NewJob } from './enqueue.ts';
export type { Job, JobEvent, JobHandler, JobOutcome, JobSchedule } from './job.ts';
export { JobWorkers, type JobWorkersOptions } from './workers.ts';
