/**
 * Getting back into an account by its mailbox. Owns `POST /api/v1/auth/forgot-password`, `POST
 * /api/v1/auth/reset-password` and the page `/reset-password`.
 * Asking is answered before anybody looks whether the address is absent, unverified, active or disabled (invariant 13);
 * a link lives an hour, several may live at once, and using one kills them all. Using it sets the password, ends
 * every session and link, forgets failed attempts, and never removes a second factor: whoever reads a mailbox has one
 * factor and no more. The links that defeat a thief, `undo_email_change` and `cancel_deletion`, live on (invariant 4).
 * Only the primary address recovers an account: one that waits for a change, or that was given up, opens nothing.
 * For an unverified address the link proves the mailbox and drops everything set before (invariant 18): the password, every
 * registration's link, and the name, which may be a stranger's. The language stays, since the mail was written in it.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { type ForgotPassword, forgotPassword } from './forgot-password.ts';
import { resetPasswordPage } from './pages.ts';
import { type ResetPassword, resetPassword } from './reset-password.ts';

/** What recovery needs. */
export type RecoverAccount = ForgotPassword & ResetPassword & { readonly catalogues: Catalogues };

const token = z.string().min(1).max(200);

/** The endpoints of this flow. */
export function recoverAccountEndpoints(flow: RecoverAccount): readonly Endpoint[] {
  return [...apiEndpoints(flow), ...resetPasswordPage(flow)];
}

function apiEndpoints(flow: RecoverAccount): Endpoint[] {
  return [
    apiEndpoint({
      id: 'password.forgot',
      method: 'POST',
      path: '/api/v1/auth/forgot-password',
      tag: 'login',
      summary: 'Ask for a link that sets a new password',
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      limitedBy: (body) => body.email.canonical,
      // The one way that is always left; who uses it up has sent links that live as long as its window.
      separateQuota: 'recovery',
      request: { body: z.strictObject({ email: emailInput }) },
      response: {
        status: 202,
        message: 'If this address has an account, a message was sent to it',
        data: z.object({ email: z.string(), status: z.literal('reset_sent') }),
        example: { email: exampleValues.email, status: 'reset_sent' },
      },
      problems: [],
      handler: async ({ body, caller }) => {
        await forgotPassword(flow, body.email.canonical, caller);
        return { data: { email: body.email.asTyped, status: 'reset_sent' as const } };
      },
    }),
    apiEndpoint({
      id: 'password.reset',
      method: 'POST',
      path: '/api/v1/auth/reset-password',
      tag: 'login',
      summary: 'Set a new password with the token that was mailed',
      description:
        'Ends every session; log in with the new password afterwards. Of many uses of one link exactly one works.',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      request: { body: z.strictObject({ token, password: passwordInput }) },
      response: {
        status: 200,
        message: 'Password set',
        data: z.object({ status: z.literal('password_set') }),
        example: { status: 'password_set' },
      },
      problems: ['invalid_token', 'busy'],
      handler: async ({ body, caller }) => {
        await resetPassword(flow, body.token, body.password, caller);
        return { data: { status: 'password_set' as const } };
      },
    }),
  ];
}
