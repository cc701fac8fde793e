/**
 * Injected time. Only this file reads the machine's clocks; everything else receives a `Clock`, so that tests and
 * `POST /dev/clock` can move time and one clock per process decides expiry.
 */

/** A source of wall-clock and monotonic time. */
export interface Clock {
  /** Wall-clock time, for expiry. It may jump in either direction. */
  now(): Date;
  /** Milliseconds since an arbitrary start, for durations and for the trust in cached state. Never decreases. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** A clock that adds an adjustable offset to the wall-clock time of another clock. Its monotonic time has no offset. */
export class MovableClock implements Clock {
  readonly #base: Clock;
  #offsetMs = 0;

  constructor(base: Clock = systemClock) {
    this.#base = base;
  }

  now(): Date {
    const now = this.#base.now();
    return this.#offsetMs === 0 ? now : new Date(now.getTime() + this.#offsetMs);
  }

  monotonicMs(): number {
    return this.#base.monotonicMs();
  }

  /** The sum of all moves, in milliseconds. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Moves the wall clock by `ms` milliseconds; a negative number moves it back. */
  advance(ms: number): void {
    this.#offsetMs += ms;
  }
}

/** A clock that only `advance` moves, for tests. */
export class FixedClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;

  constructor(now: Date) {
    this.#nowMs = now.getTime();
  }

  now(): Date {
    return new Date(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Moves both clocks forward by `ms` milliseconds. */
  advance(ms: number): void {
    this.#nowMs += ms;
    this.#monotonicMs += ms;
  }
}

/** A new Date, `seconds` after `time`; a negative or fractional number is allowed. */
export function addSeconds(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}

/** The earlier of two times; the first when they are equal. */
export function earlier(a: Date, b: Date): Date {
  return a.getTime() <= b.getTime() ? a : b;
}
