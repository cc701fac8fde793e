/**
 * Change of the email address (invariant 4). Owns `POST` and `DELETE /api/v1/users/me/email`,
 * `POST /api/v1/auth/confirm-email-change`, `POST /api/v1/auth/undo-email-change`, the pages `/confirm-email-change`,
 * `/undo-email-change`, `/account/profile/email` and `/account/profile/cancel-email`, and the mails `email_change_*` and `email_changed_notice`; no tables.
 *
 * Order of a request: email domain, password (counted before its hash) or recent authentication, the holder of the new address, then links and
 * mails in one transaction.
 *
 * Invariants:
 * - The address changes when the new address has confirmed and, if `confirmAt` is `both`, the old one too, in either order.
 * - For 72 hours a link to the old address undoes the change, whatever happened since.
 * - Confirmation and undo end every session, because a link does not show which session belongs to its user.
 * - The response to a request does not reveal whether the address is taken (invariant 13).
 *
 * Must not change anything by a page's GET, which mail scanners follow.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { changeSides } from '#domain/one-time-tokens/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { accountPages } from './account-pages.ts';
import type { ChangeEmail } from './change-email.ts';
import { confirmChange } from './confirm.ts';
import { confirmPage, undoPage } from './pages.ts';
import { cancelChange, requestChange } from './request.ts';
import { undoChange } from './undo.ts';

export type { ChangeEmail } from './change-email.ts';

const token = z.string().min(1).max(200);
const waitingFor = z.array(z.enum(changeSides));
const own = { path: '/api/v1/users/me/email', tag: 'account' } as const;
const linked = { method: 'POST', tag: 'account', auth: { principals: ['public'] }, rateLimit: 'public' } as const;

export function changeEmailEndpoints(flow: ChangeEmail): readonly Endpoint[] {
  return [
    ...ownEndpoints(flow),
    ...linkEndpoints(flow),
    ...confirmPage(flow),
    ...undoPage(flow),
    ...accountPages(flow),
  ];
}

function ownEndpoints(flow: ChangeEmail): Endpoint[] {
  return [
    apiEndpoint({
      ...own,
      id: 'change_email.request',
      method: 'POST',
      summary: 'Request a change of my email',
      description:
        'Sends a link to the new email, valid for 24 hours, and a notice to the current one. Nothing changes before the ' +
        'link is used. If both must confirm, the current email gets a link instead of the notice. The response is the ' +
        'same whether the new email is free or taken. Another request replaces this one. Requires `currentPassword` or a ' +
        'recent step-up; with a second factor, the step-up.',
      auth: { principals: ['session'], stepUp: { withinSeconds: flow.stepUpSeconds, orPassword: true } },
      rateLimit: 'mail',
      request: {
        body: z.strictObject({ newEmail: emailInput, currentPassword: z.string().min(1).max(1024).optional() }),
      },
      response: {
        status: 202,
        message: 'Confirmation sent',
        data: z.object({ pendingEmail: z.string(), expiresAt: z.iso.datetime(), waitingFor }),
        example: {
          pendingEmail: exampleValues.newEmail,
          expiresAt: '2026-01-03T03:04:05.000Z',
          waitingFor: ['new_address'],
        },
      },
      problems: ['invalid_password', 'email_domain_not_allowed'],
      handler: async ({ body, principal, caller }) => {
        const { expiresAt, waitingFor: missing } = await requestChange(flow, principal, body, caller);
        const pendingEmail = body.newEmail.asTyped;
        return { data: { pendingEmail, expiresAt: expiresAt.toISOString(), waitingFor: [...missing] } };
      },
    }),
    apiEndpoint({
      ...own,
      id: 'change_email.cancel',
      method: 'DELETE',
      summary: 'Cancel the pending change of my email',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: { status: 200, message: 'No change is pending', data: z.object({}), example: {} },
      problems: [],
      handler: async ({ principal, caller }) => {
        await cancelChange(flow, principal, caller);
        return { data: {} };
      },
    }),
  ];
}

function linkEndpoints(flow: ChangeEmail): Endpoint[] {
  return [
    apiEndpoint({
      ...linked,
      id: 'change_email.confirm',
      path: '/api/v1/auth/confirm-email-change',
      summary: 'Confirm a change of email with the token from the link',
      description:
        'If both emails must confirm, the first confirmation returns `waiting`, and `waitingFor` names the other. The ' +
        'change ends every session. The old email gets a link that can undo it for 72 hours.',
      request: { body: z.strictObject({ token }) },
      response: {
        status: 200,
        message: 'Email changed',
        data: z.object({ status: z.enum(['changed', 'waiting']), waitingFor }),
        example: { status: 'changed', waitingFor: [] },
      },
      problems: ['invalid_token', 'email_unavailable'],
      handler: async ({ body, caller }) => {
        const confirmed = await confirmChange(flow, body.token, caller);
        if (confirmed.kind === 'changed') return { data: { status: 'changed' as const, waitingFor: [] } };
        const data = { status: 'waiting' as const, waitingFor: [confirmed.waitingFor] };
        return { message: 'Confirmed. The other email must confirm too', data };
      },
    }),
    apiEndpoint({
      ...linked,
      id: 'change_email.undo',
      path: '/api/v1/auth/undo-email-change',
      summary: 'Undo a change of email with the token from the link to the old one',
      description:
        'Restores the old email, sets `password`, removes every later email, and ends every session. Works once, within ' +
        '72 hours, also after a change of the password.',
      request: { body: z.strictObject({ token, password: passwordInput }) },
      response: {
        status: 200,
        message: 'Email restored',
        data: z.object({ status: z.literal('restored') }),
        example: { status: 'restored' },
      },
      problems: ['invalid_token'],
      handler: async ({ body, caller }) => {
        await undoChange(flow, body.token, body.password, caller);
        return { data: { status: 'restored' as const } };
      },
    }),
  ];
}
