import { setTimeout as pause } from 'node:timers/promises';

export type WaitOptions = {
  /** What is waited for, in words that complete "timed out waiting until …". */
  readonly what: string;
  /** 10,000 when not given. */
  readonly timeoutMs?: number;
};

/**
 * Asks again and again until the answer is neither false nor undefined, and returns that answer.
 * An error thrown by `ask` ends the wait: only "not yet" is worth another try.
 *
 * @throws Error naming `what` after the timeout.
 */
export async function eventually<T>(
  ask: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    const answer = await ask();
    if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>;
    if (performance.now() > deadline) throw new Error(`timed out waiting until ${options.what}`);
    await pause(pauseMs);
  }
}
