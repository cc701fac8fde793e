/** Measures whether the values of two kinds of samples distinguish them. */

/**
 * The area under the ROC curve: the probability that a sample of `first` exceeds a sample of `second`, ties counting
 * half. 0.5 means indistinguishable, 0 and 1 perfectly distinguishable. Computed by ranks (Mann and Whitney 1947), so
 * that outliers of a busy machine have no extra weight.
 */
export function areaUnderCurve(first: readonly number[], second: readonly number[]): number {
  const pairs = first.length * second.length;
  if (pairs === 0) throw new Error('there are no samples');
  const values = [
    ...first.map((value) => ({ value, isOne: true })),
    ...second.map((value) => ({ value, isOne: false })),
  ].sort((a, b) => a.value - b.value);
  let rankSum = 0;
  for (let start = 0; start < values.length; ) {
    const end = endOfTie(values, start);
    // Ranks start at 1; tied values share the mean of their ranks.
    const meanRank = (start + 1 + end) / 2;
    for (let place = start; place < end; place += 1) if (values[place]?.isOne === true) rankSum += meanRank;
    start = end;
  }
  return (rankSum - (first.length * (first.length + 1)) / 2) / pairs;
}

function endOfTie(values: readonly { readonly value: number }[], start: number): number {
  const value = values[start]?.value;
  let end = start + 1;
  while (end < values.length && values[end]?.value === value) end += 1;
  return end;
}
