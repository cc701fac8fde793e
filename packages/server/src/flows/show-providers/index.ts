/**
 * The identity providers that people can sign in with, for the buttons of an application's own pages. Owns
 * `GET /api/v1/auth/providers`; no tables. The response is the same for every requester.
 */
import { z } from 'zod';
import type { ProviderList } from '#domain/identity-providers/index.ts';
import { apiEndpoint, type Endpoint } from '#platform/http/index.ts';

export interface ShowProviders {
  readonly identityProviders: ProviderList;
}

const providers = z.object({ providers: z.array(z.object({ id: z.string(), name: z.string() })) });

const example: z.output<typeof providers> = {
  providers: [
    { id: 'github', name: 'GitHub' },
    { id: 'google', name: 'Google' },
  ],
};

export function showProvidersEndpoints(flow: ShowProviders): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'providers.list',
      method: 'GET',
      path: '/api/v1/auth/providers',
      tag: 'login',
      summary: 'The identity providers that people can sign in with',
      description: 'The enabled ones, by name. A sign-in with one starts on the sign-in page of this server.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: {},
      response: { status: 200, message: 'The identity providers', data: providers, example },
      problems: [],
      handler: () => {
        const enabled = flow.identityProviders.enabled().map(({ id, name }) => ({ id, name }));
        return Promise.resolve({ data: { providers: enabled } });
      },
    }),
  ];
}
