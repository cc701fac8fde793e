/** The field of a form for a new password, with what the rules say about it. */
import { newPasswordField as fieldOf, type Html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { normalizePassword } from './input.ts';
import { judgeLength, limitsOf } from './policy.ts';
import type { PasswordRules } from './rules.ts';

type Rules = Pick<PasswordRules, 'policy'>;

/** `complaint` says what was wrong with the last one. */
export function newPasswordField({ policy }: Rules, words: PageWords, complaint?: string): Html {
  return fieldOf(words.say('page.password.label', limitsOf(policy)), policy.minLength, complaint);
}

/** What is wrong with a password's length, for a form that shows it beside what is wrong with its other fields. */
export function lengthComplaint({ policy }: Rules, words: PageWords, typed: string): string | undefined {
  const password = normalizePassword(typed);
  const reason = password === undefined ? 'too_long' : judgeLength(policy, password);
  return reason && words.say(`password.${reason}`, limitsOf(policy));
}
