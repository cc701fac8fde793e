/**
 * The session check. Owns `GET /api/v1/auth/session` and `POST /api/v1/auth/token`, by which a cookie session gets an
 * access token; no tables. An access token never gets another one (invariant 20).
 * The check returns the principal that authentication has resolved, and must not query the database itself.
 */
import { z } from 'zod';
import type { AccessTokens } from '#domain/session-issuance/index.ts';
import { Problem } from '#kernel/problem.ts';
import { apiEndpoint, type Endpoint, exampleValues, type Principal } from '#platform/http/index.ts';

const sessionData = z.object({
  userId: z.uuid(),
  subject: z.string(),
  email: z.string().nullable(),
  name: z.string(),
  roles: z.array(z.string()),
  sessionId: z.uuid(),
  clientId: z.string(),
  transport: z.enum(['cookie', 'token']),
  acr: z.string(),
  amr: z.array(z.string()),
  authTime: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});

const sessionExample: z.output<typeof sessionData> = {
  userId: exampleValues.userId,
  subject: exampleValues.userId,
  email: exampleValues.email,
  name: 'Ada Lovelace',
  roles: ['owner'],
  sessionId: exampleValues.sessionId,
  clientId: 'default',
  transport: 'cookie',
  acr: '1',
  amr: ['pwd'],
  authTime: exampleValues.authTime,
  expiresAt: exampleValues.expiresAt,
};

const tokenData = z.object({
  accessToken: z.string(),
  tokenType: z.literal('Bearer'),
  expiresIn: z.int().nonnegative(),
});

const tokenExample: z.output<typeof tokenData> = {
  accessToken: exampleValues.accessToken,
  tokenType: 'Bearer',
  expiresIn: exampleValues.accessTokenSeconds,
};

export function sessionEndpoints({ accessTokens }: { readonly accessTokens: AccessTokens }): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'session.check',
      method: 'GET',
      path: '/api/v1/auth/session',
      tag: 'session',
      summary: 'The current session: user, authentication and expiry',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      isSessionCheck: true,
      request: {},
      response: { status: 200, message: 'Session is active', data: sessionData, example: sessionExample },
      problems: [],
      handler: ({ principal }) => ({ data: describe(principal) }),
    }),
    apiEndpoint({
      id: 'session.token',
      method: 'POST',
      path: '/api/v1/auth/token',
      tag: 'session',
      summary: 'An access token for this session',
      description:
        'A cookie session gets an access token only by this request. The token expires with the session at the latest. An ' +
        'access token is not accepted: it would renew itself without rotation and reuse detection.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: { status: 200, message: 'Access token issued', data: tokenData, example: tokenExample },
      problems: ['session_cookie_required'],
      handler: async ({ principal }) => {
        if (principal.transport !== 'cookie') throw new Problem('session_cookie_required');
        const token = await accessTokens.mint(principal);
        return { data: { accessToken: token.text, tokenType: 'Bearer' as const, expiresIn: token.expiresInSeconds } };
      },
    }),
  ];
}

function describe(principal: Principal): z.output<typeof sessionData> {
  const { userId, subject, email, name, roles, sessionId, clientId, transport, acr, amr, iso } = principal;
  const user = { userId, subject, email, name, roles: [...roles] };
  return { ...user, sessionId, clientId, transport, acr, amr: [...amr], ...iso };
}
