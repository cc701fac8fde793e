/** Measures how late the event loop is, and decides what is shed (`admission/load-shedding.ts`). */
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Logger } from '#platform/telemetry/index.ts';
import { type Measurement, nextLevel, recentMeasurements, type SheddingLevel } from './admission/load-shedding.ts';

/** A timer that fires 20 times a second costs less than a thousandth of a core. */
const everyMs = 50;

/** Requests that are rejected together come back one after another, after 1 to 3 seconds. */
const waitAtMostSeconds = 3;

/** One for each process, because its listeners share the event loop. */
export class Overload {
  /** Compared by each request. */
  level: SheddingLevel = 0;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #recent: readonly Measurement[] = [];
  #timer: NodeJS.Timeout | undefined;
  #rejected = 0;

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  start(): void {
    const dueMs = this.#clock.monotonicMs() + everyMs;
    // Not an interval, which fires at once after a stall to make up for the time that it lost.
    this.#timer = setTimeout(() => {
      const atMs = this.#clock.monotonicMs();
      this.#note({ atMs, lateMs: Math.max(0, atMs - dueMs) });
      this.start();
    }, everyMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** The problem of a request that is shed. */
  problem(): Problem {
    this.#rejected += 1;
    const retryAfterSeconds = 1 + (this.#rejected % waitAtMostSeconds);
    return new Problem('busy', { retryAfterSeconds, log: 'the event loop is late' });
  }

  #note(measurement: Measurement): void {
    this.#recent = recentMeasurements(this.#recent, measurement);
    const level = nextLevel(this.level, this.#recent);
    if (level === this.level) return;
    const before = this.level;
    this.level = level;
    const milliseconds = Math.round(measurement.lateMs);
    if (before === 0) this.#logger.warn('the event loop is late; requests are rejected', { milliseconds });
    if (level === 0) this.#logger.warn('the event loop is on time again; no request is rejected', { milliseconds });
  }
}
