/**
 * Deletion of the own account, with a grace period. Owns `DELETE /api/v1/users/me`, the pages `/account/data` and
 * `/account/data/delete`, and the mails
 * `account_deletion_scheduled` and `account_deleted`; no tables.
 *
 * Order: verify the password (counted before its hash) or the recent authentication, then schedule the deletion in one transaction.
 *
 * Invariants:
 * - From the response on every session, link, ticket and known device is revoked, except the links that cancel the deletion
 *   or undo a change of address (invariant 4).
 * - In the grace period the address stays taken, and a login or the mailed link cancels the deletion
 *   (`flows/cancel-deletion`).
 *
 * Must not erase anything: `flows/erase-accounts` does, after the grace period.
 */
import { z } from 'zod';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { deleteAccount, endedCookies } from './delete-account.ts';
import { type DeletePages, deletePages } from './pages.ts';

export function deleteAccountEndpoints(flow: DeletePages): readonly Endpoint[] {
  const stepUp = { withinSeconds: flow.stepUpSeconds, orPassword: true } as const;
  return [
    apiEndpoint({
      id: 'account.delete',
      method: 'DELETE',
      path: '/api/v1/users/me',
      tag: 'account',
      summary: 'Delete my account',
      description:
        'Requires the current password or a recent step-up; with a second factor, the step-up. Ends every session, including this one, and sends a link that cancels the ' +
        'deletion. Until `deletesAt` a login can cancel it too. After that all data of the account is erased.',
      auth: { principals: ['session'], stepUp },
      rateLimit: 'credential',
      request: { body: z.strictObject({ currentPassword: z.string().min(1).max(1024).optional() }) },
      response: {
        status: 200,
        message: 'Account deletion scheduled',
        data: z.object({ deletesAt: z.iso.datetime() }),
        example: { deletesAt: '2026-02-01T03:04:05.000Z' },
      },
      problems: ['invalid_password', 'busy'],
      handler: async ({ body, principal, caller }) => {
        const deletesAt = await deleteAccount(flow, principal, body.currentPassword, caller);
        return { data: { deletesAt: deletesAt.toISOString() }, cookies: endedCookies };
      },
    }),
    ...deletePages(flow),
  ];
}
