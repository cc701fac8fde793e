/**
 * Subjects of mails. Lists of mails show about 60 characters, so a long name of the service is shortened in the subject: after
 * one of its words, or after one of its characters if it is one word. The mail itself has all of it.
 *
 * Example: with the name "Institute of Applied Cartography and Geodesy" the subject is
 * "Confirm your email for Institute of Applied Cartography…".
 */

const maxSubjectLength = 60;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** @param say the subject with a name of the service. */
export function subjectWith(name: string, say: (name: string) => string): string {
  const whole = say(name);
  const excess = whole.length - maxSubjectLength;
  return excess <= 0 ? whole : say(shortened(name, name.length - excess));
}

function shortened(name: string, length: number): string {
  const words = name.split(/(?<=\s)/u);
  const kept =
    longest(words, length) ??
    longest(
      [...graphemes.segment(name)].map(({ segment }) => segment),
      length,
    );
  return `${kept ?? ''}…`;
}

/** The longest beginning that ends in a letter or a digit and leaves room for the ellipsis. */
function longest(parts: readonly string[], length: number): string | undefined {
  for (let count = parts.length - 1; count > 0; count -= 1) {
    const beginning = parts
      .slice(0, count)
      .join('')
      .replace(/[^\p{L}\p{M}\p{N}]+$/u, '');
    if (beginning !== '' && beginning.length < length) return beginning;
  }
  return undefined;
}
