/**
 * Registration. Owns `POST /api/v1/auth/register`, the page `/register` and the mail `already_registered`; no tables.
 *
 * Order: mode, email domain, quota, password rules, registration hook, hash, then one statement that writes.
 *
 * Invariants:
 * - A new, an unverified and a verified address get the same response for the same work (invariant 13).
 * - Registering an unverified address again changes nothing but adds a link with its own name and password
 *   (invariant 18).
 *
 * - Every registration returns a ticket, which signs in only when the mailbox of that registration is proven.
 *
 * Must not issue a session: a registration proves no mailbox.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { localeInput, nameInput } from '#domain/users/index.ts';
import { apiEndpoint, type Endpoint, exampleValues, refuseForeignCookies } from '#platform/http/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type RegisterPages, registerPages } from './pages.ts';
import { register } from './register.ts';

export type { Register } from './register.ts';

export function registerEndpoints(flow: RegisterPages): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'register.person',
      method: 'POST',
      path: '/api/v1/auth/register',
      tag: 'login',
      summary: 'Register with name, email and password',
      description:
        'The response is the same for a new and a taken email. Only the mail reveals which one it was. `ticket` (one hour, ' +
        'single use) signs this client in once the email is confirmed: send it to `POST /api/v1/auth/verify-email` with the ' +
        'code or the link of the mail. `transport` is that of the session.',
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      countsUse: true,
      request: {
        body: z.strictObject({
          email: emailInput,
          password: passwordInput,
          name: nameInput,
          locale: localeInput.optional(),
          transport: z.enum(['cookie', 'token']).default('token'),
        }),
      },
      response: {
        status: 201,
        message: 'We sent an email with a link to this address',
        data: z.object({
          email: z.string(),
          status: z.literal('verification_sent'),
          ticket: z.string(),
          ticketExpiresAt: z.iso.datetime(),
        }),
        example: {
          email: exampleValues.email,
          status: 'verification_sent',
          ticket: exampleValues.ticket,
          ticketExpiresAt: exampleValues.expiresAt,
        },
      },
      problems: ['registration_closed', 'email_domain_not_allowed', 'registration_refused', 'busy'],
      handler: async ({ body, caller, use: quota }) => {
        const languages = [body.locale, ...wantedLanguages(caller.acceptLanguage)];
        const { transport, locale = 'en', ...typed } = body;
        if (transport === 'cookie') refuseForeignCookies(caller.foreignOrigin);
        const signUp = { transport };
        const ticket = await register(flow, { ...typed, locale, languages, quota, signUp }, caller);
        const { text, expiresAt } = ticket;
        const data = { email: body.email.asTyped, status: 'verification_sent' as const, ticket: text };
        return { data: { ...data, ticketExpiresAt: expiresAt.toISOString() } };
      },
    }),
    ...registerPages(flow),
  ];
}
