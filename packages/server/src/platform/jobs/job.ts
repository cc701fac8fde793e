/** The interface of background work: a job commits with the change that caused it. */
import type { JsonValue } from '#platform/database/index.ts';

export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly payload: JsonValue;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly createdAt: Date;
  /** The position in the trace that enqueued it; null when that was not recorded. */
  readonly traceparent?: string | null;
}

/**
 * The result of a handler; a throw is a failed attempt. A `reason` is stored and shown to operators, so it never
 * contains a secret, an address or untrusted text.
 */
export type JobOutcome =
  | { readonly kind: 'done' }
  /** Try again at this time; counts as an attempt. */
  | { readonly kind: 'retry'; readonly at: Date; readonly reason: string }
  /** Nothing was tried, because a dependency is known to be down; counts as no attempt. */
  | { readonly kind: 'wait'; readonly at: Date; readonly reason: string }
  /** Give up: the job becomes a dead letter. */
  | { readonly kind: 'dead'; readonly reason: string };

/**
 * One kind of work. Claim, work and complete are three statements: no handler runs inside a transaction.
 * A job runs at least once: when its process dies between the work and the completion, it runs again. So handlers are
 * idempotent.
 */
export interface JobHandler {
  readonly kind: string;
  /** Attempts before the job becomes a dead letter. */
  readonly maxAttempts: number;
  /** Seconds after which another worker can claim the job of a dead worker; a running worker renews in time. */
  readonly leaseSeconds: number;
  /** `signal` aborts when the worker stops immediately, or has lost the lease. */
  handle(job: Job, signal: AbortSignal): Promise<JobOutcome>;
  /** Called before a job without further attempts becomes a dead letter, unless the handler returned `dead`. */
  exhausted?(job: Job): Promise<void>;
}

/** Periodic work, which one node of all enqueues. */
export interface JobSchedule {
  readonly name: string;
  readonly kind: string;
  readonly everySeconds: number;
}

/** One attempt, for metrics. */
export interface JobEvent {
  readonly kind: string;
  readonly outcome: 'done' | 'retry' | 'wait' | 'dead' | 'lost';
  readonly milliseconds: number;
}
