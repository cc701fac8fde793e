/**
 * The languages that a reader prefers, from `Accept-Language` (RFC 9110 §12.5.4). Owns no table.
 * Invariants: every text gets an answer, in time linear in its first 512 characters; what comes out are language ranges
 * of RFC 4647 §2.1 in lower case, the most wanted first; a header that breaks the grammar says nothing at all, since
 * half of a preference may be the wrong half.
 */

/** Real headers are below 200 characters. */
const maxCharacters = 512;

const element = /^(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?$/;

/**
 * The ranges in the order of their weights, and of the header where those are equal.
 * A weight of 0 means "not acceptable", and `*` names no language: neither is in the answer.
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
