/** The page `/reset-password`. */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { linkButton, stack } from '#pages/form.ts';
import { linkPage, linkToken } from '#pages/link-page.ts';
import { newPasswordFields } from '#pages/new-password-field.ts';
import { forgotPasswordPath } from '#pages/own-path.ts';
import type { Endpoint } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { findReset, type ResetPassword, readLink, resetPassword } from './reset-password.ts';

export function resetPasswordPage(flow: ResetPassword & { readonly catalogues: Catalogues }): readonly Endpoint[] {
  return linkPage({
    path: '/reset-password',
    show: { id: 'password.reset_show', summary: 'Page of the link in the email: form for a new password' },
    submit: {
      id: 'password.reset_submit',
      summary: 'Submit the form of the reset page: sets the new password',
      form: z.strictObject({ token: linkToken, password: passwordInput }),
      rateLimit: 'credential',
    },
    catalogues: flow.catalogues,
    texts: 'page.reset_password',
    read: (token = '') => readLink(flow, token),
    alreadyDone: async (token) => {
      const used = await findReset(flow, token);
      return used && { text: 'done', locale: used.locale };
    },
    renewal: ({ say }) => stack(linkButton({ label: say('page.forgot_password.submit'), path: forgotPasswordPath })),
    localeOf: ({ locale }) => locale,
    form: ({ link, words, say }, { password }) => ({
      paragraphs: [say('intro')],
      fields: newPasswordFields(flow.passwordRules, words, { email: link.address, complaint: password }),
    }),
    act: async ({ token, password }, caller) => {
      await resetPassword(flow, token, password, caller);
      return { text: 'done' };
    },
  });
}
