/** Two sides in turn, so that what disturbs the machine disturbs both; the medians of what was seen. */

/** What is compared, side by side, in one unit. */
export interface Comparison {
  readonly ours: number;
  readonly reference: number;
  /** The median of the ratios of neighbouring windows; 1 is as good as the reference, more is better. */
  readonly ratio: number;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which the share `quantile` of all lies. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN;
}

/** One side: measures one window and answers its value. */
export type Side = (window: number) => Promise<number>;

/**
 * Interleaves windows of both sides.
 *
 * @param better whether a larger value (a rate) or a smaller one (a cost) is better.
 */
export async function compare(
  sides: { readonly ours: Side; readonly reference: Side },
  options: { readonly windows: number; readonly better: 'larger' | 'smaller' },
): Promise<Comparison> {
  const ours: number[] = [];
  const reference: number[] = [];
  for (let window = 0; window < options.windows; window += 1) {
    ours.push(await sides.ours(window));
    reference.push(await sides.reference(window));
  }
  const ratios = ours.map((value, window) => {
    const other = reference[window] ?? Number.NaN;
    return options.better === 'larger' ? value / other : other / value;
  });
  return { ours: median(ours), reference: median(reference), ratio: median(ratios) };
}
