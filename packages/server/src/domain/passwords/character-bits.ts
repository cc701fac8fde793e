/** The entropy that the profile `composition` asks for. */

const pools: readonly (readonly [RegExp, number])[] = [
  [/[a-z]/u, 26],
  [/[A-Z]/u, 26],
  [/[0-9]/u, 10],
  [/[ -/:-@[-`{-~]/u, 33],
  [/[^ -~]/u, 100],
];

/** A character that can be told from those before it: which of a few habits is at work, and no more. */
const predictableBits = 1;

/**
 * Bits of a password whose characters are drawn from the kinds that occur in it, counting a character that repeats or
 * continues the one before, or that follows it for the second time, as one bit.
 * It bounds what a guesser who knows no words has to try: `SecurePass123!` has 75 bits here and 30 for one who knows
 * words, and these are looked for by the blocklist instead. A rule on the smaller number would refuse nearly everything
 * that people make up under composition rules, and the default profile is there for those who need no such rules.
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
    const predictable = previous !== undefined && (isStep(previous, character) || seen.has(pair));
    bits += predictable ? predictableBits : full;
    seen.add(pair);
    previous = character;
  }
  return bits;
}

/** The same character, or its neighbour: `aa`, `ab`, `21`. */
function isStep(previous: string, character: string): boolean {
  return Math.abs((character.codePointAt(0) ?? 0) - (previous.codePointAt(0) ?? 0)) <= 1;
}
