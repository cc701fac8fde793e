/**
 * The time of a deployment: the database's. Nodes compare timestamps that other nodes stored (invariant 19), so a node whose
 * own clock is wrong would reject fresh links, or sweep and erase before the time. Each process therefore measures how far
 * its clock is from the database's, and from then on counts by its monotonic clock, which no correction of the machine's
 * clock moves.
 *
 * Example: the machine is an hour ahead. At the start the database reads 12:00:00.010 between 13:00:00.000 and 13:00:00.020
 * of the machine: the skew is 3,600 s, and `now` continues from 12:00:00.010.
 */
import type { Clock } from './clock.ts';

/** Clocks that differ by less agree: the machine's is used, because a measurement has an error of its own. */
const agreementMs = 250;

/** Operators are warned of a greater skew. */
export const maxSkewMs = 2000;

/** How often a process measures. */
export const measureSeconds = 10;

/** A slower measurement is repeated: its error is up to half of it. */
const goodRoundTripMs = 100;
const maxTries = 3;

interface Measurement {
  /** How far the machine's clock is proven to be ahead of the database's; negative when it is behind. */
  readonly skewMs: number;
  readonly roundTripMs: number;
  /** Wall-clock time minus monotonic time, of the machine and of the database. */
  readonly machineOffsetMs: number;
  readonly databaseOffsetMs: number;
}

/** A clock that follows the database's. Before the first measurement it is the machine's. */
export class DeploymentClock implements Clock {
  readonly #machine: Clock;
  #offsetMs: number | undefined;
  #skewMs = 0;

  constructor(machine: Clock) {
    this.#machine = machine;
  }

  now(): Date {
    return this.#offsetMs === undefined
      ? this.#machine.now()
      : new Date(Math.round(this.#machine.monotonicMs() + this.#offsetMs));
  }

  monotonicMs(): number {
    return this.#machine.monotonicMs();
  }

  /** How far the machine's clock was ahead of the database's at the last measurement; negative when it was behind. */
  get skewMs(): number {
    return this.#skewMs;
  }

  /**
   * Measures the skew, and follows the database's clock from then on.
   *
   * @param readTime reads the database's clock in one round trip.
   */
  async follow(readTime: () => Promise<Date>): Promise<void> {
    let best = await this.#measure(readTime);
    for (let tries = 1; tries < maxTries && best.roundTripMs > goodRoundTripMs; tries += 1) {
      const next = await this.#measure(readTime);
      if (next.roundTripMs < best.roundTripMs) best = next;
    }
    const { skewMs, machineOffsetMs, databaseOffsetMs } = best;
    this.#skewMs = skewMs;
    this.#offsetMs = Math.abs(skewMs) <= agreementMs ? machineOffsetMs : databaseOffsetMs;
  }

  async #measure(readTime: () => Promise<Date>): Promise<Measurement> {
    const sentMs = this.#machine.monotonicMs();
    const sentAt = this.#machine.now().getTime();
    const at = await readTime();
    const roundTripMs = this.#machine.monotonicMs() - sentMs;
    return {
      skewMs: provenSkewMs(at.getTime(), sentAt, sentAt + roundTripMs),
      roundTripMs,
      machineOffsetMs: sentAt - sentMs,
      databaseOffsetMs: at.getTime() - (sentMs + roundTripMs / 2),
    };
  }
}

/**
 * The server read its clock between `sentAt` and `receivedAt` (milliseconds of the machine's clock), so only a time outside
 * this interval proves a difference.
 */
export function provenSkewMs(serverMs: number, sentAt: number, receivedAt: number): number {
  if (serverMs < sentAt) return sentAt - serverMs;
  return Math.min(receivedAt - serverMs, 0);
}

/** "6.0 s ahead of" or "3,600.0 s behind", for sentences about the skew. */
export function describeSkew(skewMs: number): string {
  const seconds = (Math.abs(skewMs) / 1000).toLocaleString('en', {
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
  return `${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'}`;
}
