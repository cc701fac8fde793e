/** What a new password must be, by profile; and what is wrong with one. Pure: what is known about it comes as arguments. */
import { characterBits } from './character-bits.ts';
import { isMadeOfContext } from './context-words.ts';
import { isPattern } from './patterns.ts';

/** The sets of rules to choose from. */
export type PasswordProfile = 'standard' | 'nist' | 'composition';

/** A kind of character that a profile may ask for. */
export type CharacterClass = 'lowercase' | 'uppercase' | 'digit' | 'special';

/** The rules of a profile that are numbers and names, for people and programs to read before they send a password. */
export interface PasswordPolicy {
  readonly profile: PasswordProfile;
  /** In code points after NFC. */
  readonly minLength: number;
  readonly maxLength: number;
  readonly requiredClasses: readonly CharacterClass[];
  /** How often one character may follow itself; null: as often as it likes. */
  readonly maxRepeats: number | null;
  /** By `characterBits`; null: not asked. */
  readonly minEntropyBits: number | null;
}

const missing = {
  lowercase: 'missing_lowercase',
  uppercase: 'missing_uppercase',
  digit: 'missing_digit',
  special: 'missing_special',
} as const satisfies Record<CharacterClass, string>;

/** Why a password is refused. Codes are never renamed. */
export type PasswordReason =
  | 'too_short'
  | 'too_long'
  | (typeof missing)[CharacterClass]
  | 'repeated_characters'
  | 'too_weak'
  | 'too_common'
  | 'too_simple'
  | 'contains_context'
  | 'breached';

/** NIST asks for 64 at least; a passphrase of twenty words fits. */
const maxLength = 128;

/** Twice what 128 code points take at most; it bounds the work before anything is normalised. */
export const maxBytes = 1024;

const withoutComposition = { maxLength, requiredClasses: [], maxRepeats: null, minEntropyBits: null } as const;

/**
 * The profiles. NIST SP 800-63B-4 §3.1.1.2: a password that is the only factor has at least 15 characters; composition
 * rules are not imposed; at least 64 characters are accepted, any of Unicode, each code point counting as one.
 * `standard` stays 3 below it, which a hash of some 25 ms, the blocklist and the limits on guessing pay for.
 * `composition` is for who must show such rules to somebody; it also asks everything that `standard` asks.
 */
export const passwordPolicies: Readonly<Record<PasswordProfile, PasswordPolicy>> = {
  standard: { profile: 'standard', minLength: 12, ...withoutComposition },
  nist: { profile: 'nist', minLength: 15, ...withoutComposition },
  composition: {
    profile: 'composition',
    minLength: 12,
    maxLength,
    requiredClasses: ['lowercase', 'uppercase', 'digit', 'special'],
    maxRepeats: 3,
    minEntropyBits: 50,
  },
};

/** The numbers that sentences about a policy name. */
export function limitsOf({ minLength, maxLength, maxRepeats }: PasswordPolicy) {
  return { min: minLength, max: maxLength, repeats: maxRepeats ?? 0 };
}

/** What is known beside the password itself. */
export interface Knowledge {
  /** Words that a guesser tries first for this person and service, folded. */
  readonly contextWords: readonly string[];
  /** Whether a folded text is among the most used passwords. */
  readonly isCommon: (folded: string) => boolean;
}

const classPatterns: Readonly<Record<CharacterClass, RegExp>> = {
  lowercase: /\p{Ll}/u,
  uppercase: /\p{Lu}/u,
  digit: /\p{Nd}/u,
  special: /[^\p{L}\p{M}\p{Nd}]/u,
};

/**
 * Everything that is wrong with a password in NFC, most useful first; empty when it may be set.
 * What has the wrong length is not looked at further: the work on it would not be bounded, and the answer no clearer.
 */
export function judgePassword(policy: PasswordPolicy, password: string, knowledge: Knowledge): PasswordReason[] {
  const length = judgeLength(policy, password);
  if (length !== undefined) return [length];
  return [...judgeComposition(policy, password), ...judgeKnown(password, knowledge)];
}

/** Asked first and alone, so that nothing long is ever normalised, searched or hashed. */
export function judgeLength(
  { minLength, maxLength }: PasswordPolicy,
  password: string,
): 'too_short' | 'too_long' | undefined {
  if (Buffer.byteLength(password) > maxBytes) return 'too_long';
  const { length } = Array.from(password);
  if (length > maxLength) return 'too_long';
  return length < minLength ? 'too_short' : undefined;
}

function judgeComposition(policy: PasswordPolicy, password: string): PasswordReason[] {
  const { requiredClasses, maxRepeats, minEntropyBits } = policy;
  const absent = requiredClasses.filter((wanted) => !classPatterns[wanted].test(password));
  const reasons: PasswordReason[] = absent.map((wanted) => missing[wanted]);
  if (maxRepeats !== null && longestRun(password) > maxRepeats) reasons.push('repeated_characters');
  if (minEntropyBits !== null && characterBits(password) < minEntropyBits) reasons.push('too_weak');
  return reasons;
}

/**
 * NIST SP 800-63B-4 §3.1.1.2: the entire password is compared with the list, not the words in it, so that a long
 * passphrase may hold any of them. Context words follow the same idea: they may stand in a password that has enough of
 * its own beside them. Repetitive and sequential characters are those of NIST SP 800-63B §5.1.1.2, of 2017, which the
 * list lacks in most lengths.
 */
function judgeKnown(password: string, { contextWords, isCommon }: Knowledge): PasswordReason[] {
  const folded = foldPassword(password);
  if (isCommon(folded)) return ['too_common'];
  const isGuessed = (text: string) => isCommon(text) || isPattern(text);
  if (isMadeOfContext(folded, contextWords, isGuessed)) return ['contains_context'];
  return isPattern(folded) ? ['too_simple'] : [];
}

function longestRun(password: string): number {
  let longest = 0;
  let run = 0;
  let previous: string | undefined;
  for (const character of password) {
    run = character === previous ? run + 1 : 1;
    previous = character;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** What is compared with lists: full-width letters and capitals are what a guesser tries as well. */
function foldPassword(password: string): string {
  return password.normalize('NFKC').toLowerCase();
}
