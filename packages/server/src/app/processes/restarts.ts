/** When a serving process that ended is started again, and when that is pointless. */

const windowMs = 60_000;
const firstDelayMs = 500;
const maxDelayMs = 30_000;
/** In a row, for one process. With the delays between them they take at least 7.5 s. */
export const maxFailedStarts = 5;
/** Per process, within a minute. */
const maxDeaths = 5;

interface Death {
  readonly slot: number;
  readonly wasReady: boolean;
  readonly nowMs: number;
}

export class Restarts {
  readonly #count: number;
  readonly #failedStarts = new Map<number, number>();
  #deaths: Death[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** The milliseconds to wait before the next start; undefined when the processes end again and again. */
  next(death: Death): number | undefined {
    const { slot, wasReady, nowMs } = death;
    this.#deaths = [...this.#deaths.filter((each) => nowMs - each.nowMs < windowMs), death];
    const failedStarts = wasReady ? 0 : (this.#failedStarts.get(slot) ?? 0) + 1;
    this.#failedStarts.set(slot, failedStarts);
    if (failedStarts >= maxFailedStarts || this.#deaths.length > maxDeaths * this.#count) return undefined;
    const served = this.#deaths.filter((each) => each.slot === slot && each.wasReady).length;
    if (wasReady && served === 1) return 0;
    return Math.min(maxDelayMs, firstDelayMs * 2 ** ((wasReady ? served : failedStarts) - 1));
  }
}
