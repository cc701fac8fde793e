/** What the rest of the program sees of background work: a job commits with the change that caused it. */
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

/**
 * What a handler answers; a throw is a failed attempt.
 * A `reason` is stored and shown to operators: it never holds a secret, an address or a text from outside.
 */
export type JobOutcome =
  | { readonly kind: 'done' }
  /** Try again at the given time; counts as an attempt. */
  | { readonly kind: 'retry'; readonly at: Date; readonly reason: string }
  /** Nothing was tried, because something that it needs is known to be away; counts as no attempt. */
  | { readonly kind: 'wait'; readonly at: Date; readonly reason: string }
  /** Give up for good: the job becomes a dead letter. */
  | { readonly kind: 'dead'; readonly reason: string };

/**
 * One kind of work. Claim, work and complete are three statements: no handler runs inside a transaction.
 * A job runs at least once: a process that dies between the work and its completion leaves it to be done again, so a
 * handler must be harmless when repeated.
 */
export interface JobHandler {
  readonly kind: string;
  /** Attempts before the job becomes a dead letter. */
  readonly maxAttempts: number;
  /** Seconds after which another worker may take the job from one that died; a living worker renews in time. */
  readonly leaseSeconds: number;
  /** `signal` aborts when the worker is told to stop at once, or has lost the lease to another. */
  handle(job: Job, signal: AbortSignal): Promise<JobOutcome>;
  /** Called before a job whose attempts ran out becomes a dead letter, unless the handler said `dead` itself. */
  exhausted?(job: Job): Promise<void>;
}

/** Work that is due again and again; one node of all enqueues it. */
export interface JobSchedule {
  readonly name: string;
  readonly kind: string;
  readonly everySeconds: number;
}

/** One attempt, as metrics see it. */
export interface JobEvent {
  readonly kind: string;
  readonly outcome: 'done' | 'retry' | 'wait' | 'dead' | 'lost';
  readonly milliseconds: number;
}
