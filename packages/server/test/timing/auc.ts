/** Whether two kinds of samples can be told apart by their values alone. */

/**
 * The area under the curve of the best threshold-guesser: the probability that a sample of `these` is greater than one
 * of `those`, ties counting half. 0.5 is a coin; 0 and 1 are certainty.
 * By ranks (Mann and Whitney 1947), so that outliers of a busy machine weigh no more than any other sample.
 */
export function areaUnderCurve(these: readonly number[], those: readonly number[]): number {
  const pairs = these.length * those.length;
  if (pairs === 0) throw new Error('nothing can be said about no samples');
  const values = [
    ...these.map((value) => ({ value, isOne: true })),
    ...those.map((value) => ({ value, isOne: false })),
  ].sort((a, b) => a.value - b.value);
  let rankSum = 0;
  for (let start = 0; start < values.length; ) {
    const end = endOfTie(values, start);
    // Ranks count from 1; whoever ties shares the mean of the places that they take.
    const meanRank = (start + 1 + end) / 2;
    for (let place = start; place < end; place += 1) if (values[place]?.isOne === true) rankSum += meanRank;
    start = end;
  }
  return (rankSum - (these.length * (these.length + 1)) / 2) / pairs;
}

function endOfTie(values: readonly { readonly value: number }[], start: number): number {
  const value = values[start]?.value;
  let end = start + 1;
  while (end < values.length && values[end]?.value === value) end += 1;
  return end;
}
