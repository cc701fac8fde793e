/**
 * Parses `Accept-Language` (RFC 9110 §12.5.4) into the reader's preferred languages.
 * Invariants: it never throws and takes linear time; a header of more than 512 characters counts as absent; results are
 * lower-case language ranges (RFC 4647 §2.1), most preferred first; a header that breaks the grammar counts as absent,
 * because a partly parsed list may put a less preferred language first.
 */

/** Headers of real browsers have fewer than 200 characters. */
const maxCharacters = 512;

const element = /^(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * Language ranges by descending weight; ranges of equal weight keep the header's order.
 * Leaves out weight 0 ("not acceptable") and `*`, which names no language.
 */
export function wantedLanguages(header: string | undefined): readonly string[] {
  if (header === undefined || header.length > maxCharacters) return [];
  const wanted: { readonly range: string; readonly weight: number }[] = [];
  for (const part of header.split(',')) {
    const text = part.replace(/^[ \t]+|[ \t]+$/g, '');
    // A recipient accepts empty elements of a list (RFC 9110 §5.6.1.2).
    if (text === '') continue;
    const match = element.exec(text);
    if (match === null) return [];
    const [, range = '*', weight = '1'] = match;
    if (range !== '*' && Number(weight) > 0) wanted.push({ range: range.toLowerCase(), weight: Number(weight) });
  }
  return wanted.sort((a, b) => b.weight - a.weight).map(({ range }) => range);
}
