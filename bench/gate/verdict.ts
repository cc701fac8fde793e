/** The arithmetic of the gate: the CPU time of an operation, relative to that of the base in the same run. */
import { median } from '../support/windows.ts';

/** An operation may cost this share more than at the base. */
export const tolerance = 0.15;

/** CPU milliseconds per request, one value for each window; the windows of both sides alternate. */
export interface Windows {
  readonly candidate: readonly number[];
  readonly base: readonly number[];
}

export interface Verdict {
  readonly name: string;
  /** 0.2 is a loss of 20 %; negative is a gain. */
  readonly loss: number;
  readonly holds: boolean;
}

/**
 * The median of the losses of neighboring windows: other programs of the machine change the speed of both, and disturbances in
 * fewer than half of the windows do not move it.
 */
export function judge(name: string, { candidate, base }: Windows): Verdict {
  const loss = median(candidate.map((cost, window) => cost / (base[window] ?? Number.NaN))) - 1;
  // NaN, from a window without responses, does not hold.
  return { name, loss, holds: loss <= tolerance };
}
