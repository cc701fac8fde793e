/** The form field for a new password. */
import { limitsOf, type PasswordRules } from '#domain/passwords/index.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';

/** `complaint` states why the last password was rejected. */
export function newPasswordField(
  { policy }: Pick<PasswordRules, 'policy'>,
  words: PageWords,
  complaint?: string,
): Html {
  return html`<p><label for="password">${words.say('page.password.label', limitsOf(policy))}</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="${policy.minLength}" required
  aria-describedby="password-complaint"${complaint !== undefined && html` aria-invalid="true"`}>
<span id="password-complaint" class="wrong" role="alert">${complaint}</span></p>`;
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
