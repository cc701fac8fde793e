/**
 * Acceptance of an invitation. Owns `POST /api/v1/auth/accept-invitation` and the page `/accept-invitation`; no tables.
 *
 * Order: read the invitation, check the password, call the registration hook, hash, then use the invitation and create
 * the user in one transaction.
 *
 * Invariants:
 * - The address comes from the invitation, never from the request; the token verifies it.
 * - Of concurrent acceptances of one invitation exactly one creates a user.
 *
 * Must not use an invitation by the page's GET, which mail scanners follow.
 */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { localeInput, nameInput } from '#domain/users/index.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type AcceptInvitation, acceptInvitation } from './accept-invitation.ts';
import { acceptInvitationPage } from './pages.ts';

export type { AcceptInvitation } from './accept-invitation.ts';

const token = z.string().min(1).max(200);

export function acceptInvitationEndpoints(flow: AcceptInvitation): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'invitation.accept',
      method: 'POST',
      path: '/api/v1/auth/accept-invitation',
      tag: 'login',
      summary: 'Accept an invitation and create the account',
      description: 'The account gets the email that the invitation was sent to, already verified.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: {
        body: z.strictObject({ token, name: nameInput, password: passwordInput, locale: localeInput.optional() }),
      },
      response: {
        status: 201,
        message: 'Account created',
        data: z.object({ status: z.literal('registered') }),
        example: { status: 'registered' },
      },
      problems: ['invalid_token', 'registration_refused', 'busy'],
      handler: async ({ body, caller }) => {
        await acceptInvitation(flow, { ...body, locale: body.locale }, caller);
        return { data: { status: 'registered' as const } };
      },
    }),
    ...acceptInvitationPage(flow),
  ];
}
