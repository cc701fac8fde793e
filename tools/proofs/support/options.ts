import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

/** Whole numbers from the command line of a proof, each with its default: `--rounds 50`. */
export function readNumbers<const T extends Readonly<Record<string, number>>>(defaults: T): Record<keyof T, number> {
  const { numbers, words } = readNumbersAndWords(defaults);
  if (words.length > 0) throw new Error(`"${words.join(' ')}" is no option`);
  return numbers;
}

/** The same, with positional words: `--rounds 50 "reset link"`. */
export function readNumbersAndWords<const T extends Readonly<Record<string, number>>>(
  defaults: T,
): { readonly numbers: Record<keyof T, number>; readonly words: readonly string[] } {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' as const }]));
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const numbers = Object.entries(defaults).map(([name, fallback]) => [name, toNumber(name, values[name], fallback)]);
  return { numbers: Object.fromEntries(numbers) as Record<keyof T, number>, words: positionals };
}

/** A seed for a run without `--seed`; a run with the printed seed makes the same choices. */
export function drawSeed(): number {
  return randomInt(1, 1_000_000);
}

function toNumber(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number`);
  return number;
}
