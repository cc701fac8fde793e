/** One request's use of a shared class. It is counted once: by a round trip of its own, or within the flow's statement. */
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Charges, SharedCounters, TakeResult } from './shared-counters.ts';
import { countNothing, type RefundValues, refundNothing, type UseRow, type UseValues } from './use-fragments.ts';

/** The quota in the response's header fields: the exhausted one, else the first. */
export interface QuotaStatus {
  /** Names and values of `RateLimit-Policy` and `RateLimit`, alternating. */
  readonly headers: readonly string[];
  /** Seconds until the window ends when the quota is exhausted; undefined otherwise. */
  readonly retryAfterSeconds: number | undefined;
}

/**
 * A use as a flow sees it that counts within its own statement: `sqlParams` for the statement, then `recordResult` with the
 * row, then `require`. If the use is already counted, or there is none, the parameters have null keys and count nothing.
 */
export interface QuotaReservation {
  /** The parameters of `useFragment`. */
  sqlParams(): UseValues;
  /** Records the statement's result. Returns false when the quota is exhausted; the flow may then try once more. */
  recordResult(row: UseRow): Promise<boolean>;
  /** Throws `too_many_requests` when the quota is exhausted. */
  require(): void;
  /** Replaces `recordResult` and `require` when the statement found that the requester is exempt (a known device). */
  skip(): void;
  /** The parameters of `refundFragment`, for the statement that completes the success. `refund` then does nothing. */
  refundParams(): RefundValues;
}

type State = 'open' | 'counted' | 'refused' | 'refunded' | 'skipped';

const epoch = new Date(0);

/** For endpoints without a shared class. */
export const noUse: QuotaReservation = {
  sqlParams: () => countNothing(epoch),
  recordResult: async () => true,
  require: () => undefined,
  skip: () => undefined,
  refundParams: () => refundNothing(epoch),
};

export interface UseParts {
  readonly counters: SharedCounters;
  readonly charges: Charges;
  readonly clock: Clock;
  readonly describe: (taken: TakeResult, nowMs: number) => QuotaStatus;
}

export class SharedUse implements QuotaReservation {
  readonly #parts: UseParts;
  #state: State = 'open';
  #takenAtMs = 0;
  #status: QuotaStatus | undefined;

  constructor(parts: UseParts) {
    this.#parts = parts;
  }

  /** Whether a flow's statement can count it: the counters are in the database. */
  get countsInStatements(): boolean {
    return this.#parts.counters.inStatements !== undefined;
  }

  /** Whether it is counted, was refunded, or need not be counted. */
  get isRecorded(): boolean {
    return this.#state !== 'open' && this.#state !== 'refused';
  }

  /** Undefined until it is counted or rejected. */
  get status(): QuotaStatus | undefined {
    return this.#status;
  }

  /** Counts the use by a round trip of its own. */
  async take(): Promise<QuotaStatus> {
    const { counters, charges } = this.#parts;
    const nowMs = this.#now();
    return this.#record(await counters.take(charges, nowMs), nowMs);
  }

  sqlParams(): UseValues {
    const { counters, charges, clock } = this.#parts;
    if (this.isRecorded || counters.inStatements === undefined) return countNothing(clock.now(), this.#isRefused);
    return counters.inStatements.useValuesOf(charges, this.#now());
  }

  async recordResult(row: UseRow): Promise<boolean> {
    const { counters, charges } = this.#parts;
    if (this.isRecorded || counters.inStatements === undefined) return !this.#isRefused;
    const nowMs = this.#takenAtMs;
    const status = this.#record(await counters.inStatements.read(row, charges, nowMs), nowMs);
    return status.retryAfterSeconds === undefined;
  }

  require(): void {
    const retryAfterSeconds = this.#status?.retryAfterSeconds;
    if (retryAfterSeconds !== undefined) throw new Problem('too_many_requests', { retryAfterSeconds });
  }

  skip(): void {
    // A use that was counted before the statement ran is refunded by `refund`.
    if (this.#state !== 'counted') this.#state = 'skipped';
  }

  refundParams(): RefundValues {
    const { counters, charges, clock } = this.#parts;
    if (this.#state !== 'counted' || counters.inStatements === undefined) return refundNothing(clock.now());
    this.#state = 'refunded';
    return counters.inStatements.refundValuesOf(charges, this.#takenAtMs);
  }

  /** Refunds a counted use once. With `perAddress: false`, the address keeps its use. */
  async refund({ perAddress = true }: { readonly perAddress?: boolean } = {}): Promise<void> {
    if (this.#state !== 'counted') return;
    this.#state = 'refunded';
    const { counters, charges } = this.#parts;
    const [first, second] = charges;
    const perIdentifier = second === undefined ? [] : [first];
    const refunded = perAddress ? charges.filter((charge) => charge !== undefined) : perIdentifier;
    await counters.refund(refunded, this.#takenAtMs);
  }

  get #isRefused(): boolean {
    return this.#state === 'refused';
  }

  #now(): number {
    this.#takenAtMs = this.#parts.clock.now().getTime();
    return this.#takenAtMs;
  }

  #record(taken: TakeResult, nowMs: number): QuotaStatus {
    this.#state = taken.refused === undefined ? 'counted' : 'refused';
    this.#status = this.#parts.describe(taken, nowMs);
    return this.#status;
  }
}
