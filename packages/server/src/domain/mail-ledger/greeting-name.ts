const maxCharacters = 40;
const maxWords = 4;

/** Letters of any script with their marks; inside a word also an apostrophe, a hyphen, or the middle dot of Catalan. */
const word = String.raw`[\p{L}\p{M}]+(?:['’·-][\p{L}\p{M}]+)*`;
/** An initial or an abbreviation may end with a dot, because a space or the end follows: "J. R. Smith Jr." */
const name = new RegExp(`^${word}\\.?(?: ${word}\\.?){0,${maxWords - 1}}$`, 'u');

/**
 * The name to greet somebody with, or null: then the mail greets without one.
 * Anybody can register anybody's address under any name, and our server would carry it into a stranger's mailbox: "Win at
 * evil.example" or "Your account is closed, call 0190…". Mail programs make links of bare domains, and escaping does not
 * help against words. So a name is used only if it looks like one: at most 40 characters and 4 words of letters, without
 * digits, `@`, `/`, `:`, and with a dot only before a space or the end. Others are not repaired: what is left of a repaired
 * text is not the person's name.
 */
export function greetingName(text: string): string | null {
  const normal = text.normalize('NFC').trim();
  return normal.length <= maxCharacters && name.test(normal) ? normal : null;
}
