/**
 * Proving an address by its link. Owns `POST` and `GET /api/v1/auth/verify-email` and the page `/verify-email`.
 * Pressing a link sets the password and name that the link carries, verifies the address and kills every other link
 * (invariant 18). The page's GET changes nothing, so that a mail scanner that opens links proves nothing.
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
  message: 'Address verified',
  data: z.object({ status: z.literal('verified') }),
  example: { status: 'verified' },
} as const;
const apiPath = '/api/v1/auth/verify-email';
const problems = ['invalid_token', 'password_required', 'busy'] as const;

/** The endpoints of this flow. */
export function verifyEmailEndpoints(flow: VerifyEmail): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'verify_email.press',
      method: 'POST',
      path: apiPath,
      tag: 'login',
      summary: 'Verify an address with the token that was mailed',
      description:
        'A link that carries no password (several registrations of one address were open) needs a new one in `password`.',
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
      summary: 'Verify an address, for clients that can only follow a link',
      description: 'Consumes the token. It is never mailed: mails link to the page, whose GET changes nothing.',
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
