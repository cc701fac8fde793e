/**
 * Changing one's e-mail address (invariant 4). Owns `POST` and `DELETE /api/v1/users/me/email`,
 * `POST /api/v1/auth/confirm-email-change`, `POST /api/v1/auth/undo-email-change` and the two pages of those names.
 * Nothing changes before the link at the new address is pressed and, where the setting says so, one at the old address
 * too, in either order; what that changes, another link at the old address undoes for 72 hours, whatever happened since; either link ends every session, since neither shows whose they are. Whether an
 * address is taken shows in no answer to who asks for it. The pages' GETs change nothing.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { changeSides } from '#domain/one-time-tokens/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import type { ChangeEmail } from './change-email.ts';
import { confirmChange } from './confirm.ts';
import { confirmPage, undoPage } from './pages.ts';
import { cancelChange, requestChange } from './request.ts';
import { undoChange } from './undo.ts';

export type { ChangeEmail } from './change-email.ts';

const token = z.string().min(1).max(200);
const waitingFor = z.array(z.enum(changeSides));
const own = { path: '/api/v1/users/me/email', tag: 'account', auth: { principals: ['session'] } } as const;
const linked = { method: 'POST', tag: 'account', auth: { principals: ['public'] }, rateLimit: 'public' } as const;

/** The endpoints of this flow. */
export function changeEmailEndpoints(flow: ChangeEmail): readonly Endpoint[] {
  return [...ownEndpoints(flow), ...linkEndpoints(flow), ...confirmPage(flow), ...undoPage(flow)];
}

function ownEndpoints(flow: ChangeEmail): Endpoint[] {
  return [
    apiEndpoint({
      ...own,
      id: 'change_email.request',
      method: 'POST',
      summary: 'Ask for another e-mail address',
      description:
        'Sends a link to the new address, good for 24 hours, and a notice to the old one. Nothing changes before the ' +
        'link is pressed; where both addresses have to confirm, the old one gets a link in place of the notice. The answer ' +
        'is the same whether the address is free or taken. A further request replaces this one.',
      rateLimit: 'mail',
      limitedBy: (body) => body.newEmail.canonical,
      request: {
        body: z.strictObject({ newEmail: emailInput, currentPassword: z.string().min(1).max(1024) }),
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
      summary: 'Cancel the change of address that waits for its link',
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
      summary: 'Confirm the change with the token that was mailed to the new address, or to the old one',
      description:
        'Where both addresses have to confirm, the first answers `waiting` and `waitingFor` names what is missing. The ' +
        'change ends every session, and the old address gets a link that undoes it for 72 hours.',
      request: { body: z.strictObject({ token }) },
      response: {
        status: 200,
        message: 'Address changed',
        data: z.object({ status: z.enum(['changed', 'waiting']), waitingFor }),
        example: { status: 'changed', waitingFor: [] },
      },
      problems: ['invalid_token', 'email_unavailable'],
      handler: async ({ body, caller }) => {
        const confirmed = await confirmChange(flow, body.token, caller);
        if (confirmed.kind === 'changed') return { data: { status: 'changed' as const, waitingFor: [] } };
        const data = { status: 'waiting' as const, waitingFor: [confirmed.waitingFor] };
        return { message: 'Confirmed; the change waits for the other address', data };
      },
    }),
    apiEndpoint({
      ...linked,
      id: 'change_email.undo',
      path: '/api/v1/auth/undo-email-change',
      summary: 'Undo a change of address with the token that was mailed to the old one',
      description:
        'Restores the address, sets `password`, drops every address that came after, and ends every session. Works ' +
        'once, for 72 hours, also after the password was changed.',
      request: { body: z.strictObject({ token, password: passwordInput }) },
      response: {
        status: 200,
        message: 'Address restored',
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
