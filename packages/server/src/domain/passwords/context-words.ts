/** Context-specific words: words about the service and the user (NIST SP 800-63B-4 §3.1.1.2). */
import { withUnicodeDomain } from '#protocol/email-address/index.ts';

/** Shorter words occur in too many other words. */
const minWordLength = 3;

/** Characters that must remain without the context words; 8 is NIST's minimum for a password with a second factor. */
const minOtherCharacters = 8;

/**
 * Returns the case-folded words of names, email addresses and host names (written as `@host`), longest first.
 * Internationalized domains are stored as A-labels but typed as U-labels, so both are included.
 */
export function wordsOf(texts: readonly string[]): string[] {
  const spellings = texts.flatMap((text) => (text.includes('@') ? [text, withUnicodeDomain(text)] : [text]));
  const words = spellings.flatMap((text) => {
    const folded = text.normalize('NFKC').toLowerCase();
    // Drops the top-level domain, which is not specific to the user.
    const specific = folded.replace(/(@[^\s>]*)\.[^\s.>]+/u, '$1');
    const parts = specific.split(/[^\p{L}\p{M}\p{N}]+/u);
    // The whole text is a word too: its short parts and the dropped top-level domain can together be 8 characters.
    return [folded, parts.join(''), ...parts];
  });
  const long = words.filter((word) => Array.from(word).length >= minWordLength);
  return [...new Set(long)].sort((one, other) => other.length - one.length);
}

/** Whether a case-folded password consists of the words and little else, also when digits replace letters (`l0velace`). */
export function isMadeOfContext(
  folded: string,
  words: readonly string[],
  isBlocked: (folded: string) => boolean,
): boolean {
  return [folded, withLetters(folded)].some((text) => {
    const rest = without(text, words);
    if (rest === text) return false;
    const remainder = rest.replaceAll(/[\s!-/:-@[-`{-~]/gu, '');
    return Array.from(remainder).length < minOtherCharacters || isBlocked(remainder);
  });
}

/** Replaces each word by a space, so that its neighbors do not join into a new word. */
function without(text: string, words: readonly string[]): string {
  return words.reduce((rest, word) => rest.replaceAll(word, ' '), text);
}

const lettersOf: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
};

function withLetters(text: string): string {
  return text.replaceAll(/[013457@$]/g, (character) => lettersOf[character] ?? character);
}
