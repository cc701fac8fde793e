import { randomInt } from 'node:crypto';

/** The delays between attempts. */
export interface BackOff {
  /** Seconds before the second attempt, the third and so on; the last one repeats. */
  readonly delaysSeconds: readonly number[];
  /** The random part of a delay, 0 to 1: it keeps jobs that failed together from running again together. */
  readonly jitter: number;
}

/** Doubles from one second to ten minutes. */
export const defaultBackOff: BackOff = {
  delaysSeconds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600],
  jitter: 0.3,
};

/**
 * Seconds before the attempt that follows attempt number `attempt` (1 is the first).
 *
 * @param chance a number from 0 to below 1.
 */
export function backOffSeconds(backOff: BackOff, attempt: number, chance: number = drawChance()): number {
  const index = Math.min(Math.max(attempt, 1), backOff.delaysSeconds.length) - 1;
  const delay = backOff.delaysSeconds[index] ?? 0;
  return delay * (1 + backOff.jitter * (2 * chance - 1));
}

const steps = 1_000_000;

function drawChance(): number {
  return randomInt(steps) / steps;
}
