/**
 * Requests for another verification link. Owns `POST /api/v1/auth/resend-verification` and the page
 * `/resend-verification`; no tables.
 *
 * Must not read the state of the address in the request: an absent, unverified, verified and disabled address get the same
 * response for the same work (invariant 13). `domain/mail-requests` stores the request, and its job sends the link.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { requestMail } from '#domain/mail-requests/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { type ResendPages, resendPages } from './pages.ts';

export function resendVerificationEndpoints(flow: ResendPages): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'verify_email.resend',
      method: 'POST',
      path: '/api/v1/auth/resend-verification',
      tag: 'login',
      summary: 'Request another verification link',
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      request: { body: z.strictObject({ email: emailInput }) },
      response: {
        status: 202,
        message: 'If this address is waiting to be verified, we sent an email to it',
        data: z.object({ email: z.string(), status: z.literal('verification_sent') }),
        example: { email: exampleValues.email, status: 'verification_sent' },
      },
      problems: [],
      handler: async ({ body, caller }) => {
        await requestMail(flow, { purpose: 'verify_email', canonical: body.email.canonical, requester: caller });
        return { data: { email: body.email.asTyped, status: 'verification_sent' as const } };
      },
    }),
    ...resendPages(flow),
  ];
}
