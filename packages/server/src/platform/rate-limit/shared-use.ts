/** One request's use of a class that all nodes share: counted once, by itself or in the statement of whoever does the work. */
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Charges, SharedCounters, Taken } from './shared-counters.ts';
import { countNothing, type RefundValues, refundNothing, type UseRow, type UseValues } from './use-fragments.ts';

/** What a client is told of the quota that is nearest to its end. */
export interface QuotaStatus {
  /** `RateLimit-Policy` and `RateLimit`, as the wire has them. */
  readonly headers: readonly string[];
  /** Seconds until there is room again; undefined when there is. */
  readonly retryAfterSeconds: number | undefined;
}

/**
 * What a flow sees of its use, which it counts in a statement of its own: `values`, then `settle` with what the statement
 * answered, then `demand`. Where the use is counted already, or none is, its keys are null and nothing is counted twice.
 */
export interface QuotaReservation {
  /** The parameters of `useFragment`. */
  sqlParams(): UseValues;
  /** Notes what the statement answered. False when the use was refused; it may then be asked for again. */
  recordResult(row: UseRow): Promise<boolean>;
  /** Throws `too_many_requests` when the use was refused. */
  require(): void;
  /** Instead of `settle` and `demand`, where the statement found somebody who is spared the count. */
  skip(): void;
  /** The parameters of `refundFragment`, for the statement of what succeeded; from now on nobody else gives it back. */
  refundParams(): RefundValues;
}

type State = 'open' | 'counted' | 'refused' | 'returned' | 'waived';

const epoch = new Date(0);

/** The use of an endpoint that counts nothing where all nodes see it. */
export const noUse: QuotaReservation = {
  sqlParams: () => countNothing(epoch),
  recordResult: async () => true,
  require: () => undefined,
  skip: () => undefined,
  refundParams: () => refundNothing(epoch),
};

/** What a use is made of. */
export interface UseParts {
  readonly counters: SharedCounters;
  readonly charges: Charges;
  readonly clock: Clock;
  readonly describe: (taken: Taken, nowMs: number) => QuotaStatus;
}

export class SharedUse implements QuotaReservation {
  readonly #parts: UseParts;
  #state: State = 'open';
  #askedAtMs = 0;
  #told: QuotaStatus | undefined;

  constructor(parts: UseParts) {
    this.#parts = parts;
  }

  /** Whether somebody else's statement can count it. */
  get countsInStatements(): boolean {
    return this.#parts.counters.inStatements !== undefined;
  }

  /** Whether it was counted, whatever became of it then, or need not be. */
  get isRecorded(): boolean {
    return this.#state !== 'open' && this.#state !== 'refused';
  }

  /** What the client is told; undefined before anybody counted. */
  get status(): QuotaStatus | undefined {
    return this.#told;
  }

  /** Counts it by itself, or is refused. */
  async take(): Promise<QuotaStatus> {
    const { counters, charges } = this.#parts;
    const nowMs = this.#now();
    return this.#note(await counters.take(charges, nowMs), nowMs);
  }

  sqlParams(): UseValues {
    const { counters, charges, clock } = this.#parts;
    if (this.isRecorded || counters.inStatements === undefined) return countNothing(clock.now(), this.#isRefused);
    return counters.inStatements.valuesOf(charges, this.#now());
  }

  async recordResult(row: UseRow): Promise<boolean> {
    const { counters, charges } = this.#parts;
    if (this.isRecorded || counters.inStatements === undefined) return !this.#isRefused;
    const nowMs = this.#askedAtMs;
    const told = this.#note(await counters.inStatements.read(row, charges, nowMs), nowMs);
    return told.retryAfterSeconds === undefined;
  }

  require(): void {
    const retryAfterSeconds = this.#told?.retryAfterSeconds;
    if (retryAfterSeconds !== undefined) throw new Problem('too_many_requests', { retryAfterSeconds });
  }

  skip(): void {
    // What was counted elsewhere before anybody could know is given back like any other.
    if (this.#state !== 'counted') this.#state = 'waived';
  }

  refundParams(): RefundValues {
    const { counters, charges, clock } = this.#parts;
    if (this.#state !== 'counted' || counters.inStatements === undefined) return refundNothing(clock.now());
    this.#state = 'returned';
    return counters.inStatements.returning(charges, this.#askedAtMs);
  }

  /** Gives back what is counted and was not given back yet; without `wide` the address keeps its use. */
  async giveBack({ wide = true }: { readonly wide?: boolean } = {}): Promise<void> {
    if (this.#state !== 'counted') return;
    this.#state = 'returned';
    const { counters, charges } = this.#parts;
    const [narrow, byAddress] = charges;
    const returned = byAddress === undefined ? [] : [narrow];
    await counters.giveBack(wide ? charges.filter((charge) => charge !== undefined) : returned, this.#askedAtMs);
  }

  get #isRefused(): boolean {
    return this.#state === 'refused';
  }

  #now(): number {
    this.#askedAtMs = this.#parts.clock.now().getTime();
    return this.#askedAtMs;
  }

  #note(taken: Taken, nowMs: number): QuotaStatus {
    this.#state = taken.refused === undefined ? 'counted' : 'refused';
    this.#told = this.#parts.describe(taken, nowMs);
    return this.#told;
  }
}
