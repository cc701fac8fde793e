/** One request's use of a shared class. It is counted once: by a round trip of its own, or within the flow's statement. */
import { Problem } from '#kernel/problem.ts';
import { countNothing, type RefundValues, refundNothing, type UseRow, type UseValues } from './use-fragments.ts';
import type { Charges, Window, WindowStore } from './window-store.ts';

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
  /** Records the statement's result. */
  recordResult(row: UseRow): Promise<void>;
  /** Throws `too_many_requests` when the quota is exhausted. */
  require(): void;
  /** Replaces `recordResult` and `require` when the statement found that the requester is exempt (a known device). */
  skip(): void;
  /** The parameters of `refundFragment`, for the statement that completes the success. `refund` then does nothing. */
  refundParams(): RefundValues;
  /**
   * For a handler that counts in the process by itself: writes the header fields.
   * @throws `too_many_requests` when the quota is exhausted.
   */
  report(status: QuotaStatus): void;
}

type State = 'open' | 'counted' | 'refused' | 'refunded' | 'skipped';

const epoch = new Date(0);

/** For endpoints without a shared class. */
export const noUse: QuotaReservation = {
  sqlParams: () => countNothing(epoch),
  recordResult: async () => undefined,
  require: () => undefined,
  skip: () => undefined,
  refundParams: () => refundNothing(epoch),
  report: () => undefined,
};

export class SharedUse implements QuotaReservation {
  readonly #store: WindowStore;
  readonly #charges: Charges;
  readonly #describe: (charges: Charges, windows: readonly Window[]) => QuotaStatus;
  #state: State = 'open';
  #status: QuotaStatus | undefined;

  constructor(
    store: WindowStore,
    charges: Charges,
    describe: (charges: Charges, windows: readonly Window[]) => QuotaStatus,
  ) {
    this.#store = store;
    this.#charges = charges;
    this.#describe = describe;
  }

  /** Whether a flow's statement can count it: the windows are in the database. */
  get countsInStatements(): boolean {
    return this.#store.inStatements !== undefined;
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
  async take(): Promise<void> {
    this.#record(await this.#store.take(this.#charges, 1));
  }

  sqlParams(): UseValues {
    const { inStatements } = this.#store;
    return this.isRecorded || inStatements === undefined
      ? countNothing(epoch, this.#state === 'refused')
      : inStatements.useValuesOf(this.#charges);
  }

  async recordResult(row: UseRow): Promise<void> {
    const { inStatements } = this.#store;
    if (!this.isRecorded && inStatements !== undefined) this.#record(await inStatements.read(row, this.#charges));
  }

  require(): void {
    const retryAfterSeconds = this.#status?.retryAfterSeconds;
    if (retryAfterSeconds !== undefined) throw new Problem('too_many_requests', { retryAfterSeconds });
  }

  skip(): void {
    // A use that was counted before the statement ran is given back by `refund`.
    if (this.#state !== 'counted') this.#state = 'skipped';
  }

  refundParams(): RefundValues {
    const { inStatements } = this.#store;
    if (this.#state !== 'counted' || inStatements === undefined) return refundNothing(epoch);
    this.#state = 'refunded';
    return inStatements.refundValuesOf(this.#charges);
  }

  report(status: QuotaStatus): void {
    this.#status = status;
    this.require();
  }

  /** Gives back a counted use once. */
  async refund(): Promise<void> {
    if (this.#state !== 'counted') return;
    this.#state = 'refunded';
    await this.#store.take(this.#charges, -1);
  }

  #record(windows: readonly Window[]): void {
    this.#state = windows.every(({ isGranted }) => isGranted) ? 'counted' : 'refused';
    this.#status = this.#describe(this.#charges, windows);
  }
}
