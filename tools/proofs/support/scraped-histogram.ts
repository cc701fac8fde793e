/** The cumulative counts of a histogram in Prometheus text format, summed over all labels, by upper bound. */
export type Histogram = ReadonlyMap<number, number>;

export function readHistogram(text: string, name: string): Histogram {
  const histogram = new Map<number, number>();
  for (const [, bound = '', count] of text.matchAll(
    new RegExp(`^${name}_bucket\\{.*?le="([^"]+)".*\\} (\\S+)$`, 'gm'),
  )) {
    const upper = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    histogram.set(upper, (histogram.get(upper) ?? 0) + Number(count));
  }
  return histogram;
}

/** The quantile of the observations between two scrapes, as `histogram_quantile` computes it. */
export function quantileBetween(before: Histogram, after: Histogram, quantile: number): number {
  const bounds = [...after.keys()].sort((a, b) => a - b);
  const counts = bounds.map((bound) => (after.get(bound) ?? 0) - (before.get(bound) ?? 0));
  const wanted = (counts.at(-1) ?? 0) * quantile;
  const index = counts.findIndex((count) => count >= wanted);
  const [lower, upper] = [bounds[index - 1] ?? 0, bounds[index] ?? Number.NaN];
  if (upper === Number.POSITIVE_INFINITY) return lower;
  const below = counts[index - 1] ?? 0;
  return lower + ((upper - lower) * (wanted - below)) / ((counts[index] ?? 0) - below);
}
