/** The arithmetic of the gate: the CPU time of an operation, relative to that of a reference in the same run. */
import { quantileOf } from '../support/windows.ts';

/** An operation may cost this share more than its committed ratio. */
export const tolerance = 0.15;

/** CPU milliseconds per request, one value for each window; the windows of both sides alternate. */
export interface Windows {
  readonly operation: readonly number[];
  readonly reference: readonly number[];
}

/**
 * Other programs of the machine only add to a window, so that low windows are nearest to the true cost. Of more than ten
 * windows the lowest is left out, as an outlier of the clock.
 */
const low = 0.1;

export function ratioOf({ operation, reference }: Windows): number {
  return quantileOf(operation, low) / quantileOf(reference, low);
}

export interface Verdict {
  readonly name: string;
  readonly committed: number | undefined;
  readonly measured: number | undefined;
  /** 0.2 is a loss of 20 %; negative is a gain. */
  readonly loss: number | undefined;
  readonly holds: boolean;
}

type Ratios = Readonly<Record<string, number>>;

/** One verdict for each operation of either side; one that is measured but not committed, or vice versa, does not hold. */
export function judge(committed: Ratios, measured: Ratios): Verdict[] {
  const names = [...new Set([...Object.keys(committed), ...Object.keys(measured)])];
  return names.map((name) => {
    const [before, now] = [committed[name], measured[name]];
    const loss = before === undefined || now === undefined ? undefined : now / before - 1;
    // A ratio of NaN, from a window without responses, does not hold either.
    return { name, committed: before, measured: now, loss, holds: loss !== undefined && loss <= tolerance };
  });
}
