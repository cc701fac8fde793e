/**
 * Reports the uses of a process to the shared store in portions of a tenth of the quota, in the background: no request waits
 * for it, and a key that is used little is never reported.
 * Example with a quota of 600: A and B report at 60, 120 … uses of their own. After 300 uses of each the store has 600, and
 * both refuse from their next report on. Each process admits in excess at most one portion and what arrives during the report.
 */
import type { Clock } from '#kernel/clock.ts';
import type { Counter } from './memory-windows.ts';
import type { Charge } from './quota.ts';
import type { WindowStore } from './window-store.ts';

const portionsPerQuota = 10;
/** A flood from many busy addresses must not occupy the store; the uses remain for the next report of their key. */
const maxConcurrent = 32;
const pauseAfterFailureMs = 1000;

export class Portions {
  readonly #store: WindowStore;
  readonly #clock: Clock;
  readonly #onReportable: (reportable: boolean, error?: unknown) => void;
  readonly #reporting = new Set<Counter>();
  #skipUntilMs = Number.NEGATIVE_INFINITY;
  #isReportable = true;

  /** @param onReportable called when reports start to fail, and when they succeed again. */
  constructor(store: WindowStore, clock: Clock, onReportable: (reportable: boolean, error?: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onReportable = onReportable;
  }

  /** Call it after each use that was counted in the process. */
  note(charge: Charge, counter: Counter): void {
    if (counter.unsent * portionsPerQuota < charge.quota.limit || this.#reporting.has(counter)) return;
    if (this.#reporting.size >= maxConcurrent || this.#clock.monotonicMs() < this.#skipUntilMs) return;
    this.#reporting.add(counter);
    void this.#report(charge, counter).finally(() => this.#reporting.delete(counter));
  }

  /** Never rejects. If only the response was lost, the uses are counted twice. */
  async #report(charge: Charge, counter: Counter): Promise<void> {
    const { unsent } = counter;
    try {
      const restMs = counter.endsAtMs - this.#clock.now().getTime();
      const [window] = await this.#store.take([{ ...charge, restMs }], unsent);
      counter.unsent -= unsent;
      // The store may have lost its window (a crash of PostgreSQL empties the unlogged table); this process has not.
      counter.hits = Math.max(counter.hits, (window?.hits ?? 0) + counter.unsent);
      counter.endsAtMs = Math.min(counter.endsAtMs, this.#clock.now().getTime() + (window?.restMs ?? restMs));
      this.#note(true);
    } catch (error) {
      this.#skipUntilMs = this.#clock.monotonicMs() + pauseAfterFailureMs;
      this.#note(false, error);
    }
  }

  #note(isReportable: boolean, error?: unknown): void {
    if (isReportable === this.#isReportable) return;
    this.#isReportable = isReportable;
    this.#onReportable(isReportable, error);
  }
}
