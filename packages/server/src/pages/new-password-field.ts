/** The form fields for a new password. */
import { limitsOf, type PasswordRules } from '#domain/passwords/index.ts';
import { type Html, joinHtml } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { field, shownField } from './form.ts';

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

/** The field below the account's email, without which a password manager stores the new password under no name. */
export function newPasswordFields(
  rules: Pick<PasswordRules, 'policy'>,
  words: PageWords,
  { email, complaint }: { readonly email: string | null; readonly complaint: string | undefined },
): Html {
  return joinHtml([
    ...(email === null ? [] : [usernameField(words, email)]),
    newPasswordField(rules, words, complaint),
  ]);
}

/** The email of the account, as a password manager reads it. */
export function usernameField(words: PageWords, email: string): Html {
  return shownField({
    name: 'email',
    label: words.say('page.email.label'),
    type: 'email',
    autocomplete: 'username',
    value: email,
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
