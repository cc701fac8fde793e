/** Interleaves the windows of two sides, so that disturbances of the machine affect both, and compares medians. */

/** The values of both sides in the same unit. */
export interface Comparison {
  readonly latchkey: number;
  readonly reference: number;
  /** The median of the ratios of neighboring windows; 1 equals the reference, more is better. */
  readonly ratio: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which the share `quantile` of all values lies. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN;
}

/** Measures one window of one side. */
export type Side = (window: number) => Promise<number>;

/**
 * Interleaves windows of both sides.
 *
 * @param better whether a larger value (a rate) or a smaller one (a cost) is better.
 */
export async function compare(
  sides: { readonly latchkey: Side; readonly reference: Side },
  options: { readonly windows: number; readonly better: 'larger' | 'smaller' },
): Promise<Comparison> {
  const latchkey: number[] = [];
  const reference: number[] = [];
  for (let window = 0; window < options.windows; window += 1) {
    latchkey.push(await sides.latchkey(window));
    reference.push(await sides.reference(window));
  }
  const ratios = latchkey.map((value, window) => {
    const other = reference[window] ?? Number.NaN;
    return options.better === 'larger' ? value / other : other / value;
  });
  return { latchkey: median(latchkey), reference: median(reference), ratio: median(ratios) };
}
