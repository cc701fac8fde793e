/**
 * Exchange of a refresh token. Owns `POST /api/v1/auth/refresh` and the mail `refresh_token_reuse`; no tables.
 *
 * Invariants:
 * - Within the grace period a used token returns the same successor, unless that successor was used.
 * - The reuse of a token after the grace period counts as theft: it ends the session and notifies the user once
 *   (RFC 9700 §4.14.2).
 *
 * Example: token 1 at 0 s returns token 2; token 1 at 9 s returns token 2 again; token 1 at 11 s ends the session, with it
 * token 2.
 */
import { z } from 'zod';
import { apiEndpoint, type Endpoint, exampleValues } from '#platform/http/index.ts';
import { type Refresh, refresh } from './refresh.ts';

export { RefreshQuota } from './quota.ts';
export type { Refresh } from './refresh.ts';

export function refreshEndpoints(flow: Refresh): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'refresh.rotate',
      method: 'POST',
      path: '/api/v1/auth/refresh',
      tag: 'session',
      summary: 'Exchange a refresh token',
      description:
        'Returns a new access token and the next refresh token. Within the grace period (10 s) a used token returns the ' +
        'same successor again, so that a client can retry after a lost response.',
      auth: { principals: ['public'] },
      rateLimit: 'authenticated',
      countsUse: true,
      request: { body: z.strictObject({ refreshToken: z.string().min(1).max(200) }) },
      response: {
        status: 200,
        message: 'Refreshed',
        data: z.object({
          accessToken: z.string(),
          tokenType: z.literal('Bearer'),
          expiresIn: z.int().nonnegative(),
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
      handler: async ({ body, caller, use }) => ({
        data: await refresh(flow, body.refreshToken, caller, (status) => use.report(status)),
      }),
    }),
  ];
}
