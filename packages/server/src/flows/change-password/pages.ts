/** The page `/account/security/password`. */
import { z } from 'zod';
import { asksForPassword } from '#domain/authentication/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { accountForm, patiently } from '#pages/account-form.ts';
import { passwordField } from '#pages/form.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { newPasswordField, usernameField } from '#pages/new-password-field.ts';
import { securityPath } from '#pages/own-path.ts';
import { html } from '#platform/html/index.ts';
import type { Endpoint } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { type ChangePassword, changePassword } from './change-password.ts';

export type PasswordPage = ChangePassword & { readonly catalogues: Catalogues };

/** A user with a password types it; another proof is asked for only where a password would not be enough. */
export function passwordPage(flow: PasswordPage): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds, orPassword: true } as const;
  const patient = patiently(flow);
  return accountForm({
    section: securityPath,
    path: `${securityPath}/password`,
    catalogues: flow.catalogues,
    show: { id: 'password.show_change', summary: 'Page that asks for the current and a new password' },
    submit: {
      id: 'password.submit_change',
      summary: 'Its form: changes the password',
      fields: { currentPassword: z.string().max(1024).optional(), password: passwordInput },
      rateLimit: 'credential',
      problems: ['busy'],
    },
    stepUp,
    content: async ({ words, principal, typed, complaints }) => {
      const { say } = words;
      // A form that was sent has been judged already.
      const hasPassword = await asksForPassword(typed === undefined ? flow : patient, principal);
      const current = passwordField(words, {
        name: 'currentPassword',
        label: say('page.change_password.current'),
        autocomplete: 'current-password',
        maxLength: 1024,
        complaint: complaints.currentPassword,
        hasFocus: true,
      });
      const { email } = principal;
      return {
        title: say(hasPassword ? 'page.security.password_change' : 'page.security.password_set'),
        lead: say('page.security.password_lead'),
        fields: html`${email !== null && usernameField(words, email)}
${hasPassword && current}
${newPasswordField(flow.passwordRules, words, {
  complaint: complaints.newPassword,
  label: hasPassword ? 'new' : 'first',
  hasFocus: complaints.newPassword !== undefined,
})}`,
        submit: say('page.security.password_submit'),
      };
    },
    act: async ({ currentPassword, password: newPassword }, principal, caller) => {
      const passwords = { currentPassword: currentPassword === '' ? undefined : currentPassword, newPassword };
      const issued = await changePassword(patient, passwords, principal, caller);
      return { done: 'password_changed', cookies: sessionCookies(issued) };
    },
    refusals: { invalid_password: { field: 'currentPassword', text: 'page.security.password_wrong' } },
  });
}
