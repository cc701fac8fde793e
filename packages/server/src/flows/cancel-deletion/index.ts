/**
 * Keeping an account within its grace period. Owns `POST /api/v1/auth/cancel-deletion`, the page `/cancel-deletion` and the
 * mail `account_deletion_canceled`.
 * The mailed link outlives the epoch, since it exists to defeat whoever closed the account in its owner's name
 * (invariant 4). Keeping hands out no session: it ends the epoch of the ticket that asked for it, and the next login is
 * an ordinary one.
 */
import { z } from 'zod';
import { apiEndpoint, type Endpoint, pageEndpoint } from '#platform/http/index.ts';
import { type CancelDeletion, cancelDeletion, type Proof } from './cancel-deletion.ts';
import { pressForm, showForm } from './pages.ts';

export type { CancelDeletion } from './cancel-deletion.ts';

const secret = z.string().min(1).max(200);

/** Either of the two things that keep an account. */
const shown = z
  .strictObject({ token: secret.optional(), ticket: secret.optional() })
  .refine(({ token, ticket }) => (token === undefined) !== (ticket === undefined), {
    message: 'Send either "token" or "ticket".',
  });

type Shown = z.output<typeof shown>;

/** Either of the two, as what it proves. */
function proofOf({ token, ticket = '' }: Shown): Proof {
  return token === undefined ? { kind: 'ticket', text: ticket } : { kind: 'link', text: token };
}

/** The endpoints of this flow. */
export function cancelDeletionEndpoints(flow: CancelDeletion): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'account.cancel_deletion',
      method: 'POST',
      path: '/api/v1/auth/cancel-deletion',
      tag: 'login',
      summary: 'Keep an account that is closing',
      description:
        'Takes either the `ticket` of a login that answered `step: "cancel_deletion"`, or the `token` of the mailed link. ' +
        'Answers no session: log in again.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { body: shown },
      response: {
        status: 200,
        message: 'Account kept',
        data: z.object({ status: z.literal('kept') }),
        example: { status: 'kept' },
      },
      problems: ['invalid_token', 'invalid_ticket', 'login_incomplete'],
      handler: async ({ body, caller }) => {
        await cancelDeletion(flow, proofOf(body), caller);
        return { data: { status: 'kept' as const } };
      },
    }),
    pageEndpoint({
      id: 'account.show_cancel_deletion',
      method: 'GET',
      path: '/cancel-deletion',
      summary: 'The page that the mail links to: asks whether to keep the account',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { query: z.strictObject({ token: secret }) },
      problems: [],
      handler: ({ query, caller }) => showForm(flow, query.token, caller),
    }),
    pageEndpoint({
      id: 'account.submit_cancel_deletion',
      method: 'POST',
      path: '/cancel-deletion',
      summary: 'What the page sends, or the one of a login by mail with its ticket: "keep my account"',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { form: shown },
      problems: ['login_incomplete'],
      handler: ({ body, caller }) => pressForm(flow, proofOf(body), caller),
    }),
  ];
}
