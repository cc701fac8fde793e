/** Passwords that are one pattern: repetitions, sequences and keyboard rows, which no list contains in every length. */

/** Attackers try longer repeated groups too, but those may be words of a passphrase. */
const maxGroupLength = 4;

/** The rows of keyboard layouts, in lower case, without and with shift. */
const layouts: readonly (readonly string[])[] = [
  ['1234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'],
  ['`1234567890-=', 'qwertyuiop[]\\', "asdfghjkl;'", 'zxcvbnm,./'],
  ['~!@#$%^&*()_+', 'qwertyuiop{}|', 'asdfghjkl:"', 'zxcvbnm<>?'],
  ['!@#$%^&*()'],
  ['1234567890', 'qwertzuiop', 'asdfghjkl', 'yxcvbnm'],
  ['1234567890ß', 'qwertzuiopü+', 'asdfghjklöä#', '<yxcvbnm,.-'],
  ['1234567890', 'azertyuiop', 'qsdfghjklm', 'wxcvbn'],
  ['&é"\'(-è_çà)=', 'azertyuiop^$', 'qsdfghjklmù*', '<wxcvbn,;:!'],
];

/** Sequences that continue at their beginning: the alphabet, each row, and each layout without and with its first row. */
const cycles: readonly string[] = [
  'abcdefghijklmnopqrstuvwxyz',
  ...new Set(layouts.flatMap((rows) => [...rows, rows.slice(1).join(''), rows.join('')])),
].filter((cycle) => cycle !== '');

/**
 * Whether an entire case-folded text is a repeated group of up to four characters, or a sequence: of ascending or
 * descending code points, or of neighboring keys in either direction. A pattern within a longer text does not count, so a
 * passphrase may contain one.
 */
export function isPattern(folded: string): boolean {
  const points = Array.from(folded, (character) => character.codePointAt(0) ?? 0);
  return isRepetition(points) || isCodePointSequence(points) || isKeyboardSequence(folded, points.length);
}

function isRepetition(points: readonly number[]): boolean {
  const periods = Array.from({ length: maxGroupLength }, (_, index) => index + 1);
  return periods.some((period) => points.every((point, index) => index < period || point === points[index - period]));
}

function isCodePointSequence(points: readonly number[]): boolean {
  return [1, -1].some((step) => points.every((point, index) => point === (points[0] ?? 0) + index * step));
}

function isKeyboardSequence(folded: string, length: number): boolean {
  const backwards = Array.from(folded).reverse().join('');
  return cycles.some((cycle) => {
    const unrolled = cycle.repeat(Math.ceil(length / cycle.length) + 1);
    return unrolled.includes(folded) || unrolled.includes(backwards);
  });
}
