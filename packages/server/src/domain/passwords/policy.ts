/** The rules for new passwords by profile, as pure functions; the blocklists are arguments. */
import { characterBits } from './character-bits.ts';
import { isMadeOfContext } from './context-words.ts';
import { isPattern } from './patterns.ts';

export type PasswordProfile = 'standard' | 'nist' | 'composition';

/** A class of characters that a profile can require. */
export type CharacterClass = 'lowercase' | 'uppercase' | 'digit' | 'special';

/** The rules of a profile that `GET /api/v1/auth/password-policy` publishes. */
export interface PasswordPolicy {
  readonly profile: PasswordProfile;
  /** In code points after NFC. */
  readonly minLength: number;
  readonly maxLength: number;
  readonly requiredClasses: readonly CharacterClass[];
  /** The longest run of one character; null for no limit. */
  readonly maxRepeats: number | null;
  /** By `characterBits`; null for no minimum. */
  readonly minEntropyBits: number | null;
}

const missingReasons = {
  lowercase: 'missing_lowercase',
  uppercase: 'missing_uppercase',
  digit: 'missing_digit',
  special: 'missing_special',
} as const satisfies Record<CharacterClass, string>;

/** Why a password is rejected. These are the codes in the response's `errors`, so they are never renamed. */
export type PasswordReason =
  | 'too_short'
  | 'too_long'
  | (typeof missingReasons)[CharacterClass]
  | 'repeated_characters'
  | 'too_weak'
  | 'too_common'
  | 'too_simple'
  | 'contains_context'
  | 'breached';

/** NIST SP 800-63B-4 §3.1.1.2 requires at least 64; 128 fits a passphrase of twenty words. */
const maxLength = 128;

/** Twice the largest UTF-8 size of 128 code points. Bounds the work before normalization. */
export const maxBytes = 1024;

const withoutComposition = { maxLength, requiredClasses: [], maxRepeats: null, minEntropyBits: null } as const;

/**
 * NIST SP 800-63B-4 §3.1.1.2: a password that is the only factor has at least 15 characters; composition rules are not
 * imposed; at least 64 characters of Unicode are accepted, and each code point counts as one character.
 * `standard` requires 12. The blocklist, the delays after failed attempts and a hash of about 25 ms compensate for it.
 * `composition` is for operators whose contracts require such rules, in addition to those of `standard`.
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

/** The parameters of the catalog's messages about a policy. */
export function limitsOf({ minLength, maxLength, maxRepeats }: PasswordPolicy) {
  return { min: minLength, max: maxLength, repeats: maxRepeats ?? 0 };
}

/** The blocklists that a password is compared with (NIST SP 800-63B-4 §3.1.1.2). */
export interface Blocklists {
  /** Words about the user and the service, case-folded. */
  readonly contextWords: readonly string[];
  /** Whether a case-folded text is one of the most common passwords. */
  readonly isCommon: (folded: string) => boolean;
}

const classPatterns: Readonly<Record<CharacterClass, RegExp>> = {
  lowercase: /\p{Ll}/u,
  uppercase: /\p{Lu}/u,
  digit: /\p{Nd}/u,
  special: /[^\p{L}\p{M}\p{Nd}]/u,
};

/**
 * Returns the reasons to reject a password in NFC, the most useful first; empty when it is acceptable.
 * A wrong length is returned alone: the work of the other checks is bounded only by the length.
 */
export function checkPassword(policy: PasswordPolicy, password: string, blocklists: Blocklists): PasswordReason[] {
  const length = checkLength(policy, password);
  if (length !== undefined) return [length];
  return [...checkComposition(policy, password), ...checkBlocklists(password, blocklists)];
}

/** Returns the reason to reject a password's length, if any. */
export function checkLength(
  { minLength, maxLength }: PasswordPolicy,
  password: string,
): 'too_short' | 'too_long' | undefined {
  if (Buffer.byteLength(password) > maxBytes) return 'too_long';
  const { length } = Array.from(password);
  if (length > maxLength) return 'too_long';
  return length < minLength ? 'too_short' : undefined;
}

/**
 * Patterns of the rules that a page can tick while a password is typed: sources of regular expressions with the flags `s` and `u`,
 * for a text in NFC. The other rules need lists.
 */
export function tickedPatterns({ minLength, maxLength: most, requiredClasses }: PasswordPolicy) {
  return {
    length: `^.{${minLength},${most}}$`,
    classes: `^${requiredClasses.map((required) => `(?=.*${classPatterns[required].source})`).join('')}`,
  } as const;
}

function checkComposition(policy: PasswordPolicy, password: string): PasswordReason[] {
  const { requiredClasses, maxRepeats, minEntropyBits } = policy;
  const absent = requiredClasses.filter((required) => !classPatterns[required].test(password));
  const reasons: PasswordReason[] = absent.map((required) => missingReasons[required]);
  if (maxRepeats !== null && longestRun(password) > maxRepeats) reasons.push('repeated_characters');
  if (minEntropyBits !== null && characterBits(password) < minEntropyBits) reasons.push('too_weak');
  return reasons;
}

/**
 * NIST SP 800-63B-4 §3.1.1.2: the list is compared with the entire password, not with words in it, so a long passphrase
 * may contain any of them. Likewise a password may contain context words if enough other characters remain.
 * `isPattern` adds the repetitive and sequential characters of NIST SP 800-63B §5.1.1.2 (2017), because the list contains
 * them in a few lengths only.
 */
function checkBlocklists(password: string, { contextWords, isCommon }: Blocklists): PasswordReason[] {
  const folded = foldPassword(password);
  if (isCommon(folded)) return ['too_common'];
  const isBlocked = (text: string) => isCommon(text) || isPattern(text);
  if (isMadeOfContext(folded, contextWords, isBlocked)) return ['contains_context'];
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

/** Case-folds and maps full-width letters to ASCII, because attackers try those spellings too. */
function foldPassword(password: string): string {
  return password.normalize('NFKC').toLowerCase();
}
