/**
 * Cancellation of a pending deletion, within the grace period. Owns `POST /api/v1/auth/cancel-deletion`, the pages
 * `/cancel-deletion` and `/login/cancel-deletion`, and the mail `account_deletion_canceled`.
 *
 * Invariants:
 * - The mailed link outlives the epoch, because it exists to defeat an attacker who deleted the account (invariant 4).
 * - A cancellation issues no session. It raises the epoch, which invalidates the ticket that authorized it, and the user
 *   logs in again (ADR 0017).
 */
import { z } from 'zod';
import type { LeadsOn } from '#pages/login-step.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type Authorization, type CancelDeletion, cancelDeletion } from './cancel-deletion.ts';
import { cancelDeletionPage, cancelDeletionStep } from './pages.ts';

export type { CancelDeletion } from './cancel-deletion.ts';

const secret = z.string().min(1).max(200);

const ticketOrLink = z
  .strictObject({ token: secret.optional(), ticket: secret.optional() })
  .refine(({ token, ticket }) => (token === undefined) !== (ticket === undefined), {
    message: 'Send either "token" or "ticket".',
  });

function authorizationOf({ token, ticket = '' }: z.output<typeof ticketOrLink>): Authorization {
  return token === undefined ? { by: 'ticket', text: ticket } : { by: 'link', text: token };
}

export function cancelDeletionEndpoints(flow: CancelDeletion & LeadsOn): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'account.cancel_deletion',
      method: 'POST',
      path: '/api/v1/auth/cancel-deletion',
      tag: 'login',
      summary: 'Cancel the deletion of an account',
      description:
        'Takes either the `ticket` of a login that returned `step: "cancel_deletion"`, or the `token` of the mailed link. ' +
        'Issues no session: log in again.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { body: ticketOrLink },
      response: {
        status: 200,
        message: 'Account kept',
        data: z.object({ status: z.literal('kept') }),
        example: { status: 'kept' },
      },
      problems: ['invalid_token', 'invalid_ticket', 'login_incomplete'],
      handler: async ({ body, caller }) => {
        await cancelDeletion(flow, authorizationOf(body), caller);
        return { data: { status: 'kept' as const } };
      },
    }),
    ...cancelDeletionPage(flow),
    ...cancelDeletionStep(flow),
  ];
}
