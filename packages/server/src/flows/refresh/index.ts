/**
 * Staying logged in. Owns `POST /api/v1/auth/refresh`.
 * A token that is presented again after its grace is taken as stolen: the session ends and its user is told (RFC 9700
 * §4.14.2).
 */
import { z } from 'zod';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { type Refresh, refresh } from './refresh.ts';

export type { Refresh } from './refresh.ts';

/** The endpoints of this flow. */
export function refreshEndpoints(flow: Refresh): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'refresh.rotate',
      method: 'POST',
      path: '/api/v1/auth/refresh',
      tag: 'session',
      summary: 'A new access token and the next refresh token',
      description:
        'Presenting one token again within the grace (10 s) gives the same successor, so that a lost answer can be asked for again.',
      auth: { principals: ['public'] },
      rateLimit: 'public',
      request: { body: z.strictObject({ refreshToken: z.string().min(1).max(200) }) },
      response: {
        status: 200,
        message: 'Refreshed',
        data: z.object({
          accessToken: z.string(),
          tokenType: z.literal('Bearer'),
          expiresIn: z.int().positive(),
          refreshToken: z.string(),
          refreshExpiresAt: z.iso.datetime(),
        }),
        example: {
          accessToken: exampleValues.accessToken,
          tokenType: 'Bearer',
          expiresIn: exampleValues.accessTokenSeconds,
          refreshToken: exampleValues.refreshToken,
          refreshExpiresAt: exampleValues.expiresAt,
        },
      },
      problems: ['invalid_refresh_token'],
      handler: async ({ body, caller }) => ({ data: await refresh(flow, body.refreshToken, caller) }),
    }),
  ];
}
