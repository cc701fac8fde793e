/** Text that people type for display: what is accepted, and how it is shown on one line. */

/** Joiners that Persian, Indic scripts and emoji sequences need, and the variation selectors of emoji. */
const neededInvisible = /\u200c|\u200d|[\ufe00-\ufe0f]/gu;

/**
 * Control, bidirectional and other format characters, surrogates, private use, line separators, and characters that are
 * displayed as nothing.
 */
const forbidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u;

/** A character that is displayed as something. The blank Braille pattern is a symbol without dots. */
const visible = /[\p{L}\p{N}\p{P}\p{S}]/u;
const blankPattern = /\u2800/g;

/** More marks on one letter are not a script, but a way to paint over other lines. */
const stackedMarks = /\p{M}{9}/u;

/** The reason why a text is rejected; stable, for translations. */
export type TextProblem = 'too_long' | 'forbidden_character' | 'invisible' | 'stacked_marks';

export type TextResult =
  | { readonly kind: 'ok'; readonly text: string }
  | { readonly kind: 'invalid'; readonly reason: TextProblem };

/**
 * Accepts a text of one line for display, in NFC and without white space around it.
 *
 * @param input any text; one that is much too long is rejected before further work.
 */
export function acceptText(input: string, maxCodePoints: number): TextResult {
  if (input.length > 4 * maxCodePoints) return { kind: 'invalid', reason: 'too_long' };
  const text = input.normalize('NFC').trim();
  if (Array.from(text).length > maxCodePoints) return { kind: 'invalid', reason: 'too_long' };
  if (forbidden.test(text.replace(neededInvisible, ''))) return { kind: 'invalid', reason: 'forbidden_character' };
  if (!visible.test(text.replace(blankPattern, ''))) return { kind: 'invalid', reason: 'invisible' };
  if (stackedMarks.test(text)) return { kind: 'invalid', reason: 'stacked_marks' };
  return { kind: 'ok', text };
}

const unprintable = /(?:(?!\u200c|\u200d|[\ufe00-\ufe0f])[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}])+/gu;

/**
 * The text on one line, for a mail or a terminal: line breaks, terminal escapes, bidirectional controls and other characters
 * that are not displayed become a space. For output, also of texts that were stored without `acceptText`.
 */
export function oneLine(text: string): string {
  return text.replace(unprintable, ' ');
}

/**
 * The text with those characters as escapes of JSON, for text inside a string of JSON: `\u001b`, and a surrogate pair beyond
 * the basic plane. A parser returns the original text.
 */
export function escapeUnprintable(text: string): string {
  return text.replace(unprintable, (found) =>
    found.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
