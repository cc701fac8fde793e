/**
 * Account recovery by a mailed link. Owns `POST /api/v1/auth/forgot-password`, `POST /api/v1/auth/reset-password`, the
 * pages `/forgot-password` and `/reset-password`, and the mail `password_reset_done`; no tables.
 *
 * Order of a reset: read the link, check the password, hash, then consume the link and change the user in one transaction.
 *
 * Invariants:
 * - A request reads nothing about the address; a job does (invariant 13).
 * - A link is valid for one hour. Several may be valid at once; the use of one replaces all others.
 * - A reset ends every session, revokes every link except `undo_email_change` and `cancel_deletion`, which exist to defeat
 *   an attacker (invariant 4), and resets the failed attempts.
 * - For an unverified address a reset verifies the mailbox and discards the password, the links and the name of earlier
 *   registrations, which may be an attacker's (invariant 18). The locale stays, because the mail was written in it.
 * - Only the primary address recovers an account, never a pending or a released one.
 *
 * Must not remove a second factor: a mailbox is one factor.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { forgotPasswordPage } from './forgot-page.ts';
import { type ForgotPassword, forgotPassword } from './forgot-password.ts';
import { resetPasswordPage } from './pages.ts';
import { type ResetPassword, resetPassword } from './reset-password.ts';

export type RecoverAccount = ForgotPassword & ResetPassword & { readonly catalogues: Catalogues };

const token = z.string().min(1).max(200);

export function recoverAccountEndpoints(flow: RecoverAccount): readonly Endpoint[] {
  return [...apiEndpoints(flow), ...forgotPasswordPage(flow), ...resetPasswordPage(flow)];
}

function apiEndpoints(flow: RecoverAccount): Endpoint[] {
  return [
    apiEndpoint({
      id: 'password.forgot',
      method: 'POST',
      path: '/api/v1/auth/forgot-password',
      tag: 'login',
      summary: 'Request a link to set a new password',
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      request: { body: z.strictObject({ email: emailInput, deviceToken: z.string().max(200).optional() }) },
      response: {
        status: 202,
        message: 'If this address has an account, we sent an email to it',
        data: z.object({ email: z.string(), status: z.literal('reset_sent') }),
        example: { email: exampleValues.email, status: 'reset_sent' },
      },
      problems: [],
      handler: async ({ body, caller }) => {
        await forgotPassword(flow, body.email.canonical, caller, body.deviceToken);
        return { data: { email: body.email.asTyped, status: 'reset_sent' as const } };
      },
    }),
    apiEndpoint({
      id: 'password.reset',
      method: 'POST',
      path: '/api/v1/auth/reset-password',
      tag: 'login',
      summary: 'Set a new password with the token from the email',
      description: 'Ends every session. Log in with the new password afterwards. Each link works once.',
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
