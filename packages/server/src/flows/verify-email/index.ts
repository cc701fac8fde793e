/**
 * Verification of an address by a mailed link or code. Owns `POST` and `GET /api/v1/auth/verify-email` and the pages
 * `/verify-email` and `/check-mail`; no tables.
 *
 * Invariants:
 * - The use of a link verifies the address, sets the password and name of the link's registration, and revokes every
 *   other verification link (invariant 18). A link without a registration requires a new password.
 * - A link that was used does nothing more, but its client may go on with the ticket.
 * - A link signs in only the client that has the ticket of its registration; so does the code beside it, which works with
 *   no other ticket. Every other client verifies, and signs in with the password.
 * - Disowning a registration revokes its link and no other.
 *
 * Must not verify by the page's GET, which mail scanners follow.
 */
import { z } from 'zod';
import { completeSignUp, type LoginResult, type PresentedTicket } from '#domain/authentication/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import { issuedSessionExample, loginResponse, loginResultData } from '#pages/login-result.ts';
import { apiEndpoint, type Caller, type Endpoint } from '#platform/http/index.ts';
import { codePattern } from '#protocol/digit-code/index.ts';
import { type CheckMail, checkMailPages } from './check-mail.ts';
import { verifyEmailPage } from './pages.ts';
import { registrationOfUsedLink, signInAfterLink, verifyByCode } from './sign-up.ts';
import { type VerifyEmail, verifyEmail } from './verify-email.ts';

export type { VerifyEmail } from './verify-email.ts';

const token = z.string().min(1).max(200);
const response = {
  status: 200,
  message: 'Email verified',
  data: z.object({ status: z.literal('verified') }),
  example: { status: 'verified' },
} as const;

const pressed = z
  .strictObject({
    token: token.optional(),
    password: passwordInput.optional(),
    ticket: token.optional(),
    code: z.string().regex(codePattern).optional(),
    deviceToken: z.string().max(200).optional(),
  })
  .refine(({ token: link, ticket, code }) => (link !== undefined ? code === undefined : ticket !== undefined), {
    message: 'Send "token", or "ticket" and "code", or "ticket" alone.',
  });
const apiPath = '/api/v1/auth/verify-email';
const problems = ['invalid_token', 'password_required', 'busy'] as const;

export function verifyEmailEndpoints(flow: CheckMail): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'verify_email.press',
      method: 'POST',
      path: apiPath,
      tag: 'login',
      summary: 'Verify an email with the link or the code from the mail',
      description:
        'Takes the `token` of the link, or the `ticket` of the registration and the six digits as `code`. With the `ticket` ' +
        'of the registration that is verified the response is that of a login: a session, or the next step. `ticket` alone ' +
        'signs in once the link was opened elsewhere, and is `email_not_verified` until then. The code works only with its ' +
        'ticket, and for five tries; the link still works afterwards. If several registrations of this email were pending, ' +
        'the link carries no password: send a new one in `password`, and log in with it.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { body: pressed },
      response: {
        ...response,
        data: loginResultData.extend({ status: z.literal('verified') }),
        example: { status: 'verified', ...issuedSessionExample },
      },
      problems: [...problems, 'invalid_ticket', 'invalid_code', 'email_not_verified'],
      handler: async ({ body, caller }) => {
        const result = await verify(flow, body, caller);
        if (result === undefined) return { data: { status: 'verified' as const } };
        const { data, ...rest } = loginResponse(result);
        return { ...rest, data: { status: 'verified' as const, ...data } };
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
    ...checkMailPages(flow),
  ];
}

/** Undefined when the address was verified without a session: by a link without the ticket of its registration. */
async function verify(
  flow: VerifyEmail,
  { token: link, password, ticket, code, deviceToken: device }: z.output<typeof pressed>,
  caller: Caller,
): Promise<LoginResult | undefined> {
  const deviceToken = device ?? caller.deviceCookie;
  const presented = ticket === undefined ? undefined : { text: ticket };
  if (link !== undefined) {
    const registrationId = await verifyOnce(flow, { link, password }, presented, caller);
    return signInAfterLink(flow, presented, { registrationId, deviceToken }, caller);
  }
  if (presented === undefined) throw new Problem('invalid_ticket');
  if (code !== undefined) return verifyByCode(flow, presented, { code, deviceToken }, caller);
  return completeSignUp(flow, presented, { deviceToken }, caller);
}

/** Verifies by a link. With the ticket of its registration a second request for the same is no error. */
async function verifyOnce(
  flow: VerifyEmail,
  { link, password }: { readonly link: string; readonly password: string | undefined },
  presented: PresentedTicket | undefined,
  caller: Caller,
): Promise<string | undefined> {
  try {
    return await verifyEmail(flow, link, password, caller);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'invalid_token') throw error;
    const registrationId = await registrationOfUsedLink(flow, link, presented);
    if (registrationId === undefined) throw error;
    return registrationId;
  }
}
