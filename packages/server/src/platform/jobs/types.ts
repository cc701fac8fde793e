/** What the rest of the program sees of background work: a job commits with the change that caused it. */
import type { Fragment } from '#platform/database/index.ts';
import type { JsonValue } from '#platform/database/index.ts';

/** A job as a handler gets it. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly payload: JsonValue;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly createdAt: Date;
}

/** What a handler answers; a throw is a failed attempt. */
export type JobOutcome =
  | { readonly kind: 'done' }
  /** Try again at the given time; counts as an attempt. */
  | { readonly kind: 'retry'; readonly at: Date; readonly reason: string }
  /** Give up for good: the job becomes a dead letter. */
  | { readonly kind: 'dead'; readonly reason: string };

/** One kind of work. Claim, work and complete are three statements: no handler runs inside a transaction. */
export interface JobHandler {
  readonly kind: string;
  /** Attempts before the job becomes a dead letter. */
  readonly maxAttempts: number;
  /** Seconds after which another worker may take the job from one that died. */
  readonly leaseSeconds: number;
  handle(job: Job, signal: AbortSignal): Promise<JobOutcome>;
}

/** A job enqueued by a fragment inside an effect's statement. */
export type EnqueueFragment = Fragment;
