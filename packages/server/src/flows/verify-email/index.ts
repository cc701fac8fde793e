/**
 * Verification of an address by a mailed link. Owns `POST` and `GET /api/v1/auth/verify-email` and the page
 * `/verify-email`; no tables.
 *
 * Invariants:
 * - The use of a link verifies the address, sets the password and name of the link's registration, and revokes every
 *   other verification link (invariant 18). A link without a registration requires a new password.
 * - Disowning a registration revokes its link and no other.
 *
 * Must not verify by the page's GET, which mail scanners follow.
 */
import { z } from 'zod';
import { passwordInput } from '#domain/passwords/index.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';
import { verifyEmailPage } from './pages.ts';
import { type VerifyEmail, verifyEmail } from './verify-email.ts';

export type { VerifyEmail } from './verify-email.ts';

const token = z.string().min(1).max(200);
const response = {
  status: 200,
  message: 'Email verified',
  data: z.object({ status: z.literal('verified') }),
  example: { status: 'verified' },
} as const;
const apiPath = '/api/v1/auth/verify-email';
const problems = ['invalid_token', 'password_required', 'busy'] as const;

export function verifyEmailEndpoints(flow: VerifyEmail): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'verify_email.press',
      method: 'POST',
      path: apiPath,
      tag: 'login',
      summary: 'Verify an email with the token from the link',
      description:
        'If several registrations of this email were pending, the link carries no password; send a new one in `password`.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { body: z.strictObject({ token, password: passwordInput.optional() }) },
      response,
      problems,
      handler: async ({ body, caller }) => {
        await verifyEmail(flow, body.token, body.password, caller);
        return { data: { status: 'verified' as const } };
      },
    }),
    apiEndpoint({
      id: 'verify_email.press_by_get',
      method: 'GET',
      path: apiPath,
      changesByGet: true,
      tag: 'login',
      summary: 'Verify an email, for clients that can only follow a link',
      description:
        'Consumes the token. Emails never contain this address: they link to the page, whose GET changes nothing.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { query: z.strictObject({ token }) },
      response,
      problems,
      handler: async ({ query, caller }) => {
        await verifyEmail(flow, query.token, undefined, caller);
        return { data: { status: 'verified' as const } };
      },
    }),
    ...verifyEmailPage(flow),
  ];
}
