/** Numbers that look random and are the same for the same seed, so that a failed run can be repeated. */
export type Chance = {
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
};

/** Mulberry32: 32 bits of state are enough to choose moments, and nothing here is a secret. */
export function chanceOf(seed: number): Chance {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { between: (low, high) => low + Math.floor(next() * (high - low + 1)) };
}
