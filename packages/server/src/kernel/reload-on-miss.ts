/** Reads the rows that a process keeps in memory again before it treats a name as unknown: another node may have added it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** As often as a node reads the revocation feed. */
const intervalMs = 250;
/** How long a name that a reload did not find counts as unknown without another reload. */
const absentMs = 5000;
const maxAbsent = 1000;

/**
 * Names come from outside, so a miss must not cost a query: concurrent misses share one reload, reloads begin at least
 * 250 ms apart, and a name that was not found is remembered. A miss waits for a reload that begins after it; it never
 * concludes from an earlier one.
 */
export class ReloadOnMiss {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #reload: () => Promise<void>;
  /** By name, the time until which it counts as unknown. */
  readonly #absent = new Map<string, number>();
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #waiting: Promise<void> | undefined;

  constructor(dependencies: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly reload: () => Promise<void> }) {
    this.#clock = dependencies.clock;
    this.#reload = dependencies.reload;
  }

  /**
   * Returns what `find` returns, if necessary after a reload. Rejects when the reload fails, because then nobody knows
   * whether the name exists.
   */
  async find<T>(name: string, find: (name: string) => T | undefined): Promise<T | undefined> {
    const known = find(name);
    if (known !== undefined || this.#isAbsent(name)) return known;
    this.#waiting ??= this.#untilDue().then(() => this.#start());
    await this.#waiting;
    const found = find(name);
    if (found === undefined) this.#rememberAbsent(name);
    return found;
  }

  async #untilDue(): Promise<void> {
    const delayMs = this.#lastStartMs + intervalMs - this.#clock.monotonicMs();
    if (delayMs > 0) await pause(delayMs);
  }

  #start(): Promise<void> {
    this.#lastStartMs = this.#clock.monotonicMs();
    // A miss from here on may concern a row that this read does not see.
    this.#waiting = undefined;
    return this.#reload();
  }

  #isAbsent(name: string): boolean {
    return this.#clock.monotonicMs() < (this.#absent.get(name) ?? Number.NEGATIVE_INFINITY);
  }

  #rememberAbsent(name: string): void {
    if (this.#absent.size >= maxAbsent) this.#absent.clear();
    this.#absent.set(name, this.#clock.monotonicMs() + absentMs);
  }
}
