/**
 * The identities of the signed-in user. Owns `/api/v1/users/me/identities`, the pages `/account/connections` and
 * `/account/connections/disconnect`, and the mail `identity_unlinked`; no tables.
 *
 * Invariants:
 * - Unlinking needs a recent proof (step-up), raises the epoch (invariant 4), and mails the user.
 * - The last way in stays. The user's lock orders two that are unlinked at once.
 * - The identity of another user gets the same 404 as an unknown id.
 */
import { z } from 'zod';
import { issuedSessionData, issuedSessionExample, issuedSessionResponse } from '#pages/login-result.ts';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { listOwn, type ManageIdentities, type OwnIdentity, unlinkOwn } from './manage-identities.ts';
import { type IdentityPages, identityPages } from './pages.ts';

export type { IdentityPages } from './pages.ts';

const path = '/api/v1/users/me/identities';

const identityData = z.object({
  id: z.uuid(),
  /** Null for a provider that was removed. */
  provider: z.string().nullable(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  suspended: z.boolean(),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable(),
});

const example: z.output<typeof identityData> = {
  id: exampleValues.sessionId,
  provider: 'google',
  name: 'Ada Lovelace',
  email: exampleValues.email,
  suspended: false,
  createdAt: exampleValues.expiresAt,
  lastUsedAt: null,
};

export function manageIdentitiesEndpoints(flow: IdentityPages): readonly Endpoint[] {
  return [listEndpoint(flow), removeEndpoint(flow), ...identityPages(flow)];
}

function listEndpoint(flow: ManageIdentities): Endpoint {
  return apiEndpoint({
    id: 'identities.list',
    method: 'GET',
    path,
    tag: 'account',
    summary: 'My accounts at identity providers, oldest first',
    description:
      '`name` and `email` are those of the provider when it was connected. A recovery of the account by mail suspends ' +
      'identities; connecting one again resumes it.',
    auth: { principals: ['session'] },
    rateLimit: 'authenticated',
    request: {},
    response: {
      status: 200,
      message: 'Identities',
      data: z.object({ identities: z.array(identityData) }),
      example: { identities: [example] },
    },
    problems: [],
    handler: async ({ principal }) => ({ data: { identities: (await listOwn(flow, principal)).map(dataOf) } }),
  });
}

function dataOf({ id, provider, profile, suspendedAt, createdAt, lastUsedAt }: OwnIdentity) {
  return {
    id,
    provider: provider?.id ?? null,
    name: profile.name,
    email: profile.email,
    suspended: suspendedAt !== null,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}

function removeEndpoint(flow: ManageIdentities): Endpoint {
  return apiEndpoint({
    id: 'identities.remove',
    method: 'DELETE',
    path: `${path}/{id}`,
    tag: 'account',
    summary: 'Disconnect an account at an identity provider',
    description: 'Every other session ends, and this one continues under a new id. The last way to sign in stays.',
    auth: { principals: ['session'], stepUp: { withinSeconds: flow.stepUpSeconds } },
    rateLimit: 'authenticated',
    request: { params: z.strictObject({ id: z.uuid() }) },
    response: { status: 200, message: 'Disconnected', data: issuedSessionData, example: issuedSessionExample },
    problems: ['identity_not_found', 'last_login_method'],
    handler: async ({ params: { id }, principal, caller }) =>
      issuedSessionResponse(await unlinkOwn(flow, id.toLowerCase(), principal, caller)),
  });
}
