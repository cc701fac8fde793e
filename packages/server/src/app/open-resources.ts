/**
 * The resources that a process has opened. A failed start and a stop close them through the same list: in reverse order,
 * each once, and none for longer than its limit, so that an unreachable database or mail server delays only its own step.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '#kernel/clock.ts';
import type { Logger } from '#platform/telemetry/index.ts';

/** Longer than the timeouts of a lane's statement and of a lost connection. */
const stepMs = 3000;
/** All steps without a limit of their own together; a failed start must end within ten seconds. */
const allStepsMs = 8000;

export class OpenResources implements AsyncDisposable {
  readonly #logger: Logger;
  readonly #stack = new AsyncDisposableStack();
  #closed: Promise<void> | undefined;
  #leftMs = allStepsMs;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Adds what was just opened. After the closing began, closes it at once and throws: the start does not go on.
   *
   * @param ownLimitMs for a step that may take long, such as the requests in flight; read when the step begins.
   */
  add(name: string, close: () => unknown, ownLimitMs?: () => number): void {
    const step = () => this.#step(name, close, ownLimitMs);
    if (this.#closed !== undefined) {
      this.#closed = this.#closed.then(step);
      throw new Error('The process is stopping.');
    }
    this.#stack.defer(step);
    this.#logger.debug('opened', { detail: name });
  }

  /** Closes everything. Never rejects: a step that fails or takes too long is logged, and the next one runs. */
  close(): Promise<void> {
    this.#closed ??= this.#stack.disposeAsync();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #step(name: string, close: () => unknown, ownLimitMs: (() => number) | undefined): Promise<void> {
    const startedMs = systemClock.monotonicMs();
    const reason = await failureOf(close, ownLimitMs?.() ?? Math.min(stepMs, this.#leftMs));
    if (ownLimitMs === undefined) this.#leftMs = Math.max(0, this.#leftMs - (systemClock.monotonicMs() - startedMs));
    if (reason !== undefined) this.#logger.warn('a shutdown step failed or timed out', { detail: name, ...reason });
    this.#logger.debug('closed', { detail: name });
  }
}

/** Returns undefined when the work succeeds in time; otherwise an object with the error, or without one after a timeout. */
async function failureOf(work: () => unknown, limitMs: number): Promise<{ error?: unknown } | undefined> {
  const limit = new AbortController();
  const ended = Promise.try(work).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const overdue = pause(limitMs, {}, { signal: limit.signal }).catch(() => undefined);
  const reason = await Promise.race([ended, overdue]);
  limit.abort();
  return reason;
}
