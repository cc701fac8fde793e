import { setTimeout as pause } from 'node:timers/promises';

export type WaitOptions = {
  /** The condition, in words that complete "timed out waiting until …". */
  readonly what: string;
  /** Default: 10,000. */
  readonly timeoutMs?: number;
};

/**
 * Calls `probe` until it returns neither false nor undefined, and returns that value.
 * An error thrown by `probe` ends the wait; only "not yet" is retried.
 *
 * @throws Error naming `what` after the timeout.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    const value = await probe();
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${options.what}`);
    await pause(pauseMs);
  }
}
