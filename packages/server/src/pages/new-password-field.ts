/** The form fields for a new password. */
import { limitsOf, type PasswordPolicy, type PasswordRules, tickedPatterns } from '#domain/passwords/index.ts';
import { type Html, joinHtml } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { passwordField, type Rule, shownField } from './form.ts';

export interface NewPassword {
  /** Why the last password was rejected. */
  readonly complaint?: string | undefined;
  /** `new` where the account has a password already, or may have. */
  readonly label?: 'first' | 'new';
  readonly hasFocus?: boolean;
}

export function newPasswordField(
  { policy }: Pick<PasswordRules, 'policy'>,
  words: PageWords,
  { complaint, label = 'new', hasFocus = complaint !== undefined }: NewPassword = {},
): Html {
  return passwordField(words, {
    name: 'password',
    label: words.say(label === 'new' ? 'page.password.new_label' : 'page.password.plain_label'),
    autocomplete: 'new-password',
    minLength: policy.minLength,
    rules: rulesOf(policy, words),
    hasFocus,
    complaint,
  });
}

/** The rules that a reader can keep to. A list of leaked passwords is explained when one of them was typed. */
function rulesOf(policy: PasswordPolicy, { say }: PageWords): readonly Rule[] {
  const { length, classes } = tickedPatterns(policy);
  return [
    { text: say('page.password.rule_length', limitsOf(policy)), pattern: length },
    ...(policy.requiredClasses.length > 0 ? [{ text: say('page.password.rule_classes'), pattern: classes }] : []),
    { text: say('page.password.rule_context') },
    { text: say('page.password.rule_common') },
  ];
}

/** The field below the account's email, without which a password manager stores the new password under no name. */
export function newPasswordFields(
  rules: Pick<PasswordRules, 'policy'>,
  words: PageWords,
  { email, complaint }: { readonly email: string | null; readonly complaint: string | undefined },
): Html {
  return joinHtml([
    ...(email === null ? [] : [usernameField(words, email)]),
    newPasswordField(rules, words, { complaint }),
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
