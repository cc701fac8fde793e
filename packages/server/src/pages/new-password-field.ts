/** The form field for a new password. */
import { limitsOf, type PasswordRules } from '#domain/passwords/index.ts';
import type { Html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { field } from './form.ts';

/** `complaint` states why the last password was rejected. */
export function newPasswordField(
  { policy }: Pick<PasswordRules, 'policy'>,
  words: PageWords,
  complaint?: string,
): Html {
  return field({
    name: 'password',
    label: words.say('page.password.label', limitsOf(policy)),
    type: 'password',
    autocomplete: 'new-password',
    minLength: policy.minLength,
    complaint,
  });
}

/** Why a password's length is rejected. A form shows it beside the complaints of its other fields, without hashing. */
export function lengthComplaint(
  rules: Pick<PasswordRules, 'policy' | 'checkLength'>,
  words: PageWords,
  password: string,
): string | undefined {
  const reason = rules.checkLength(password);
  return reason && words.say(`password.${reason}`, limitsOf(rules.policy));
}
