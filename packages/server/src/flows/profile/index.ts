/** The caller's own profile. Owns `GET /api/v1/users/me`. */
import { z } from 'zod';
import type { Users } from '#domain/users/index.ts';
import { Problem } from '#kernel/problem.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';

const profile = z.object({
  id: z.uuid(),
  subject: z.string(),
  email: z.string().nullable(),
  emailVerified: z.boolean(),
  name: z.string(),
  locale: z.string(),
  status: z.enum(['active', 'disabled', 'closing']),
  publicMetadata: z.record(z.string(), z.unknown()),
  createdAt: z.iso.datetime(),
});

/** The endpoints of this flow. */
export function profileEndpoints(dependencies: { readonly users: Users }): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'profile.read',
      method: 'GET',
      path: '/api/v1/users/me',
      tag: 'account',
      summary: 'My profile',
      auth: 'session',
      rateLimit: 'authenticated',
      request: {},
      response: { status: 200, message: 'Profile', data: profile },
      problems: [],
      handler: async ({ principal }) => {
        const user = await dependencies.users.profile(principal.userId);
        if (user === undefined) throw new Problem('not_authenticated', { log: 'the user was erased meanwhile' });
        return {
          data: {
            id: user.id,
            subject: user.subject,
            email: user.email,
            emailVerified: user.emailVerifiedAt !== null,
            name: user.name,
            locale: user.locale,
            status: user.status,
            publicMetadata: user.publicMetadata as Record<string, unknown>,
            createdAt: user.createdAt.toISOString(),
          },
        };
      },
    }),
  ];
}
