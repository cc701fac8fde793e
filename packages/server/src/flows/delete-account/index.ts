/**
 * Closing one's own account. Owns `DELETE /api/v1/users/me` and the mails `account_deletion_scheduled` and `account_deleted`.
 * The account rests for a grace period in which it can be kept (`cancel-deletion`), and is erased after it
 * (`erase-accounts`). From the answer on nothing of it works any more, except logging in to keep it, the mailed link
 * that keeps it, and the link that undoes a change of address.
 */
import { z } from 'zod';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type DeleteAccount, deleteAccount } from './delete-account.ts';

export type { DeleteAccount } from './delete-account.ts';

/** The endpoints of this flow. */
export function deleteAccountEndpoints(flow: DeleteAccount): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'account.delete',
      method: 'DELETE',
      path: '/api/v1/users/me',
      tag: 'account',
      summary: 'Close my account',
      description:
        'Takes the current password, ends every session, this one included, and mails a link that keeps the account. ' +
        'Until `deletesAt` a login offers to keep it; after that everything about it is erased for good.',
      auth: { principals: ['session'] },
      rateLimit: 'credential',
      request: { body: z.strictObject({ currentPassword: z.string().min(1).max(1024) }) },
      response: {
        status: 200,
        message: 'Account closing',
        data: z.object({ deletesAt: z.iso.datetime() }),
        example: { deletesAt: '2026-02-01T03:04:05.000Z' },
      },
      problems: ['invalid_password', 'busy'],
      handler: async ({ body, principal, caller }) => {
        const deletesAt = await deleteAccount(flow, principal, body.currentPassword, caller);
        return {
          data: { deletesAt: deletesAt.toISOString() },
          cookies: [
            { cookie: 'session', change: 'expire' },
            { cookie: 'device', change: 'expire' },
          ],
          clearSiteData: true,
        };
      },
    }),
  ];
}
