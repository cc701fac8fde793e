const maxCharacters = 40;
const maxWords = 4;

/** Letters of any script with their marks; within a word also an apostrophe, a hyphen or the Catalan middle dot. */
const word = String.raw`[\p{L}\p{M}]+(?:['’·-][\p{L}\p{M}]+)*`;
/** A word may end with a dot if a space or the end follows, as in "J. R. Smith Jr." */
const name = new RegExp(`^${word}\\.?(?: ${word}\\.?){0,${maxWords - 1}}$`, 'u');

/**
 * Returns the name for a page or mail of ours that another person may read, or null when it is not shown.
 * An attacker can register a victim's address under any name, and our server would show it to the victim: "Win at
 * evil.example" or "Your account is closed, call 0190…". Mail programs turn bare domains into links, and escaping does not
 * help against plain words. The name is therefore used only if it has at most 40 characters and 4 words of letters, no
 * digits, `@`, `/` or `:`, and dots only before a space or the end. Other names are not repaired, because the remainder
 * would not be the user's name.
 */
export function displayName(text: string): string | null {
  const normal = text.normalize('NFC').trim();
  return normal.length <= maxCharacters && name.test(normal) ? normal : null;
}
