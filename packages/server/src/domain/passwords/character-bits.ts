/** The entropy estimate that the profile `composition` requires. */

const pools: readonly (readonly [RegExp, number])[] = [
  [/[a-z]/u, 26],
  [/[A-Z]/u, 26],
  [/[0-9]/u, 10],
  [/[ -/:-@[-`{-~]/u, 33],
  [/[^ -~]/u, 100],
];

/** The bits of a predictable character: the choice between a few habits. */
const predictableBits = 1;

/**
 * Returns the entropy of a password in bits, as if each character were drawn from the pools that occur in it. A character
 * that equals its predecessor, is its neighbor by code point, or repeats a pair that occurred before counts as one bit.
 * This is the work of a brute-force attacker without a dictionary: `SecurePass123!` has 75 bits here and 30 against a
 * dictionary. Dictionary words are left to the blocklists, because a minimum on the smaller number would reject nearly
 * every password that people choose under composition rules.
 */
export function characterBits(password: string): number {
  const pool = pools.reduce((size, [kind, members]) => size + (kind.test(password) ? members : 0), 0);
  if (pool === 0) return 0;
  const full = Math.log2(pool);
  const seen = new Set<string>();
  let bits = 0;
  let previous: string | undefined;
  for (const character of password.toLowerCase()) {
    const pair = `${previous ?? ''}${character}`;
    const isPredictable = previous !== undefined && (isStep(previous, character) || seen.has(pair));
    bits += isPredictable ? predictableBits : full;
    seen.add(pair);
    previous = character;
  }
  return bits;
}

/** The same character or its neighbor by code point: `aa`, `ab`, `21`. */
function isStep(previous: string, character: string): boolean {
  return Math.abs((character.codePointAt(0) ?? 0) - (previous.codePointAt(0) ?? 0)) <= 1;
}
