/**
 * Bounds the wait for a response that no timeout of the server bounds: it is frozen, the network drops packets, or a commit
 * waits for a synchronous standby that is gone (`statement_timeout` does not cover that wait).
 */
import type { Clock } from '#kernel/clock.ts';
import { ConnectionLost, unavailable } from '../errors.ts';

/**
 * After so long without a response to a write the connection is closed. Longer than `statement_timeout` of the lanes, and
 * short enough that a client gets its 503 within 5 s.
 */
export const writeSilenceMs = 4000;

/** The same for statements that wait for no standby. A read is sent once more, and both tries fit into 5 s. */
export const readSilenceMs = 2000;

/** The connection was closed because the server did not respond. */
export class Silence extends ConnectionLost {
  override name = 'Silence';

  constructor(where: string, ms: number) {
    super(`${where}: PostgreSQL has not responded for ${ms} ms; it is frozen, or its synchronous standby is gone`);
  }
}

const driverTimeout = /^Query read timeout/;

/** Whether the server did not respond in time, by the error or one of its causes. */
export function isSilence(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof Silence || driverTimeout.test(each.message)) return true;
  }
  return false;
}

export const writesOpenMs = 2000;

/**
 * Refuses writes at once after one has had no response, except for one every 2 s. A commit that waits for a standby keeps
 * its process of the server after the connection is closed: without this, the writes of a minute would use up
 * `max_connections`.
 */
export class WriteBreaker {
  readonly #clock: Clock;
  /** By the monotonic clock; undefined while writes are confirmed. */
  #openUntilMs: number | undefined;
  #isTrying = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs a write, or throws `unavailable`. */
  async guard<T>(write: () => Promise<T>): Promise<T> {
    const isTrial = this.#openUntilMs !== undefined;
    if (isTrial) this.#admitTrial();
    try {
      const result = await write();
      if (isTrial) this.close();
      return result;
    } catch (error) {
      if (isSilence(error)) this.#openUntilMs = this.#clock.monotonicMs() + writesOpenMs;
      throw error;
    } finally {
      if (isTrial) this.#isTrying = false;
    }
  }

  /** Lets all writes through: they go to another server. */
  close(): void {
    this.#openUntilMs = undefined;
  }

  #admitTrial(): void {
    if (this.#isTrying || this.#clock.monotonicMs() < (this.#openUntilMs ?? 0))
      throw unavailable('PostgreSQL did not confirm a write within its time; the next one is tried in 2 s');
    this.#isTrying = true;
  }
}
