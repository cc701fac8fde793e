/**
 * Registration. Owns `POST /api/v1/auth/register`.
 * A new and a taken address get the same answer for the same work (invariant 13); registering an unverified address
 * again changes nothing: each registration's link carries what it was made with (invariant 18).
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { localeInput, nameInput } from '#domain/users/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type Register, register } from './register.ts';

export type { Register } from './register.ts';

/** The endpoints of this flow. */
export function registerEndpoints(flow: Register): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'register.person',
      method: 'POST',
      path: '/api/v1/auth/register',
      tag: 'login',
      summary: 'Register with name, address and password',
      description: 'The answer is the same for a new and a taken address; what happened is told by mail only.',
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      limitedBy: (body) => body.email.canonical,
      separateQuota: 'registration',
      countsUse: true,
      request: {
        body: z.strictObject({
          email: emailInput,
          password: passwordInput,
          name: nameInput,
          locale: localeInput.optional(),
        }),
      },
      response: {
        status: 201,
        message: 'A message with a link was sent to this address',
        data: z.object({ email: z.string(), status: z.literal('verification_sent') }),
        example: { email: exampleValues.email, status: 'verification_sent' },
      },
      problems: ['registration_closed', 'email_domain_not_allowed', 'registration_refused', 'busy'],
      handler: async ({ body, caller, use }) => {
        const languages = [body.locale, ...wantedLanguages(caller.acceptLanguage)];
        await register(flow, { ...body, locale: body.locale ?? 'en', languages, use }, caller);
        return { data: { email: body.email.asTyped, status: 'verification_sent' as const } };
      },
    }),
  ];
}
