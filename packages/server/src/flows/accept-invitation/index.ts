/**
 * Accepting an invitation. Owns `POST /api/v1/auth/accept-invitation` and the page `/accept-invitation`.
 * The address comes from the invitation, never from the request, and is proven by it; of many who accept one at once one
 * gets an account. The page's GET changes nothing.
 */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { localeInput, nameInput } from '#domain/users/index.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { type AcceptInvitation, acceptInvitation } from './accept-invitation.ts';
import { acceptInvitationPage } from './pages.ts';

export type { AcceptInvitation } from './accept-invitation.ts';

const token = z.string().min(1).max(200);

/** The endpoints of this flow. */
export function acceptInvitationEndpoints(flow: AcceptInvitation): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'invitation.accept',
      method: 'POST',
      path: '/api/v1/auth/accept-invitation',
      tag: 'login',
      summary: 'Make the account that an invitation offers',
      description: 'The account has the address that the invitation was mailed to; it counts as verified.',
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
