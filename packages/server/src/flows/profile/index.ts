/**
 * The caller's own profile. Owns `GET` and `PATCH /api/v1/users/me` and the page `/account/profile`; no tables.
 *
 * A change of the name or locale proves nothing and revokes nothing, so it neither raises the epoch nor sends a mail.
 *
 * Must not change metadata, which operators write, or the address, which needs a confirmation (`flows/change-email`).
 */
import { z } from 'zod';
import { changeSides } from '#domain/one-time-tokens/index.ts';
import { localeInput, nameInput } from '#domain/users/index.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { changeOwn, type OwnProfile, readOwn } from './change-profile.ts';
import { type ProfilePages, profilePages } from './pages.ts';

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
  .refine(({ name, locale }) => name !== undefined || locale !== undefined, 'Send name, locale or both.')
  .meta({ minProperties: 1 });

export function profileEndpoints(flow: ProfilePages): readonly Endpoint[] {
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
      description: 'Omitted members stay unchanged. Only operators can change `publicMetadata`.',
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
    ...profilePages(flow),
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
