/** A pseudorandom generator whose seed reproduces a failed run. */
export type SeededRandom = {
  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number;
};

/** Mulberry32: 32 bits of state suffice to choose times; no secret depends on it. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { between: (low, high) => low + Math.floor(next() * (high - low + 1)) };
}
