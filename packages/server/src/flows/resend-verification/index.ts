/**
 * Asking for a further verification link. Owns `POST /api/v1/auth/resend-verification`.
 * The same answer and the same work whether the address is absent, unverified, verified or disabled (invariant 13).
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';

/** The endpoints of this flow. */
export function resendVerificationEndpoints(flow: RequestMail): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'verify_email.resend',
      method: 'POST',
      path: '/api/v1/auth/resend-verification',
      tag: 'login',
      summary: 'Ask for a further verification link',
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      limitedBy: (body) => body.email.canonical,
      request: { body: z.strictObject({ email: emailInput }) },
      response: {
        status: 202,
        message: 'If this address waits for verification, a message was sent to it',
        data: z.object({ email: z.string(), status: z.literal('verification_sent') }),
        example: { email: exampleValues.email, status: 'verification_sent' },
      },
      problems: [],
      handler: async ({ body, caller }) => {
        await requestMail(flow, { purpose: 'verify_email', canonical: body.email.canonical, caller });
        return { data: { email: body.email.asTyped, status: 'verification_sent' as const } };
      },
    }),
  ];
}
