/** The caller's own profile. Owns `GET` and `PATCH /api/v1/users/me`. */
import { z } from 'zod';
import { changeSides } from '#domain/one-time-tokens/index.ts';
import { localeInput, nameInput } from '#domain/users/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { changeOwn, type OwnProfile, type Profile, readOwn } from './change-profile.ts';

const path = '/api/v1/users/me';

const profile = z.object({
  id: z.uuid(),
  subject: z.string(),
  email: z.string().nullable(),
  emailVerified: z.boolean(),
  pendingEmail: z.string().nullable(),
  pendingEmailWaitsFor: z.array(z.enum(changeSides)),
  name: z.string(),
  locale: z.string(),
  status: z.enum(['active', 'disabled', 'pending_deletion']),
  publicMetadata: z.record(z.string(), z.unknown()),
  createdAt: z.iso.datetime(),
});

const profileExample: z.output<typeof profile> = {
  id: exampleValues.userId,
  subject: exampleValues.userId,
  email: exampleValues.email,
  emailVerified: true,
  pendingEmail: null,
  pendingEmailWaitsFor: [],
  name: 'Ada Lovelace',
  locale: 'en',
  status: 'active',
  publicMetadata: { plan: 'pro' },
  createdAt: exampleValues.createdAt,
};

const change = z
  .strictObject({ name: nameInput.optional(), locale: localeInput.optional() })
  .refine(({ name, locale }) => name !== undefined || locale !== undefined, 'Say what to change: name or locale.')
  .meta({ minProperties: 1 });

/** The endpoints of this flow. */
export function profileEndpoints(flow: Profile): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'profile.read',
      method: 'GET',
      path,
      tag: 'account',
      summary: 'My profile',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: { status: 200, message: 'Profile', data: profile, example: profileExample },
      problems: [],
      handler: async ({ principal }) => ({ data: describe(await readOwn(flow, principal)) }),
    }),
    apiEndpoint({
      id: 'profile.change',
      method: 'PATCH',
      path,
      tag: 'account',
      summary: 'Change my name or language',
      description: 'What is left out stays. `publicMetadata` is written by operators alone.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: { body: change },
      response: { status: 200, message: 'Profile changed', data: profile, example: profileExample },
      problems: [],
      handler: async ({ principal, body: { name, locale } }) => {
        await changeOwn(flow, principal, {
          ...(name === undefined ? {} : { name }),
          ...(locale === undefined ? {} : { locale }),
        });
        return { data: describe(await readOwn(flow, principal)) };
      },
    }),
  ];
}

function describe(user: OwnProfile): z.output<typeof profile> {
  return {
    id: user.id,
    subject: user.subject,
    email: user.email,
    emailVerified: user.emailVerifiedAt !== null,
    pendingEmail: user.pendingEmail,
    pendingEmailWaitsFor: [...user.pendingEmailWaitsFor],
    name: user.name,
    locale: user.locale,
    status: user.status,
    publicMetadata: user.publicMetadata as Record<string, unknown>,
    createdAt: user.createdAt.toISOString(),
  };
}
