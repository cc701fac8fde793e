/**
 * Time, injected. This is the only file that may ask the machine what time it is: everything else gets a `Clock`, so
 * that tests and `POST /dev/clock` can move time and so that expiry is decided by one clock per process.
 */

/** A source of wall-clock and monotonic time. */
export interface Clock {
  /** The wall-clock time. It can be moved and may jump; expiry is decided by it. */
  now(): Date;
  /** Milliseconds from an arbitrary start that never go back and cannot be moved. Durations and trust are decided by it. */
  monotonicMs(): number;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** A clock whose wall time can be moved forward, over another clock that keeps it going. */
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

  /** How far it has been moved in all, in milliseconds. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Moves the wall clock by `ms` milliseconds; a negative number moves it back. */
  advance(ms: number): void {
    this.#offsetMs += ms;
  }
}

/** A clock that stands still until it is told to move, for tests of pure rules. */
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

/** `time` moved by a number of seconds. */
export function addSeconds(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}

/** The earlier of two times. */
export function earlier(a: Date, b: Date): Date {
  return a.getTime() <= b.getTime() ? a : b;
}
