/** The time in every answer, as text. */
import type { Clock } from '#kernel/clock.ts';

/** Writes the current time in ISO 8601; a busy server answers many requests in one millisecond, and writes it once. */
export class Timestamps {
  readonly #clock: Clock;
  #milliseconds = Number.NaN;
  #text = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): string {
    const now = this.#clock.now();
    const milliseconds = now.getTime();
    if (milliseconds !== this.#milliseconds) {
      this.#milliseconds = milliseconds;
      this.#text = now.toISOString();
    }
    return this.#text;
  }
}
