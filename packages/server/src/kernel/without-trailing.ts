/**
 * The text without a character at its end, however often it is there. Takes linear time: a regular expression such as `/\/+$/` starts
 * anew at each character of a run that is not at the end.
 */
export function withoutTrailing(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}
