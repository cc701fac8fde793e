/** Passwords that are one pattern: what fingers do by themselves, which no list holds in every length. */

/** A longer group that is repeated is looked for by guessers as well, but it may be a word or two of a passphrase. */
const maxGroupLength = 4;

/** What is typed along a keyboard, a row after the other, in lower case: each is a circle. */
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

/** Rows, keyboards without and with their digits, and the alphabet, which begins anew as well. */
const circles: readonly string[] = [
  'abcdefghijklmnopqrstuvwxyz',
  ...new Set(layouts.flatMap((rows) => [...rows, rows.slice(1).join(''), rows.join('')])),
].filter((circle) => circle !== '');

/**
 * Whether a whole folded text is a group of up to four characters repeated, or one run: up or down by code point, or on
 * or back along a keyboard. A part of it never counts, so that a passphrase may hold any of them.
 */
export function isPattern(folded: string): boolean {
  const points = Array.from(folded, (character) => character.codePointAt(0) ?? 0);
  return isRepetition(points) || isSteady(points) || isRound(folded, points.length);
}

function isRepetition(points: readonly number[]): boolean {
  const periods = Array.from({ length: maxGroupLength }, (_, index) => index + 1);
  return periods.some((period) => points.every((point, index) => index < period || point === points[index - period]));
}

function isSteady(points: readonly number[]): boolean {
  return [1, -1].some((step) => points.every((point, index) => point === (points[0] ?? 0) + index * step));
}

function isRound(folded: string, length: number): boolean {
  const backwards = Array.from(folded).reverse().join('');
  return circles.some((circle) => {
    const enough = circle.repeat(Math.ceil(length / circle.length) + 1);
    return enough.includes(folded) || enough.includes(backwards);
  });
}
