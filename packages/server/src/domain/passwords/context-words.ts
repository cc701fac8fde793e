/** Words that a guesser tries first: those of the service and of the person (NIST SP 800-63B-4 §3.1.1.2). */
import { withUnicodeDomain } from '#protocol/email-address/index.ts';

/** Shorter ones stand in too many other words. */
const minWordLength = 3;

/** What must be left of a password without these words: what was once enough for a whole password. */
const minOwnCharacters = 8;

/**
 * The words of texts such as a name, an address or a host name behind an `@`, folded, the longest first. A domain is
 * known by its A-labels, and typed in letters.
 */
export function wordsOf(texts: readonly string[]): string[] {
  const spellings = texts.flatMap((text) => (text.includes('@') ? [text, withUnicodeDomain(text)] : [text]));
  const words = spellings.flatMap((text) => {
    const folded = text.normalize('NFKC').toLowerCase();
    // The top-level domain is everybody's.
    const specific = folded.replace(/(@[^\s>]*)\.[^\s.>]+/u, '$1');
    const parts = specific.split(/[^\p{L}\p{M}\p{N}]+/u);
    // The whole as well: of an address the top-level domain and short parts can be long enough for a password of their own.
    return [folded, parts.join(''), ...parts];
  });
  const long = words.filter((word) => Array.from(word).length >= minWordLength);
  return [...new Set(long)].sort((one, other) => other.length - one.length);
}

/** Whether a folded password is such words and little else, also when digits stand for letters in it. */
export function isMadeOfContext(
  folded: string,
  words: readonly string[],
  isGuessed: (folded: string) => boolean,
): boolean {
  return [folded, withLetters(folded)].some((text) => {
    const rest = without(text, words);
    if (rest === text) return false;
    const own = rest.replaceAll(/[\s!-/:-@[-`{-~]/gu, '');
    return Array.from(own).length < minOwnCharacters || isGuessed(own);
  });
}

/** Each word leaves a space, so that what stood around it makes no new word. */
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
