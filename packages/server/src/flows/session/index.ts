/**
 * The session check: who is this, how well proven, until when. Owns `GET /api/v1/auth/session` and, for sessions by
 * cookie that need one, `POST /api/v1/auth/token`.
 */
import { z } from 'zod';
import type { Clients } from '#domain/clients/index.ts';
import type { AccessTokens } from '#domain/session-issuance/index.ts';
import { type ApiResponse, apiEndpoint, type Endpoint, exampleValues, type Principal } from '#platform/http/index.ts';

const sessionData = z.object({
  userId: z.uuid(),
  subject: z.string(),
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
  sessionId: exampleValues.sessionId,
  clientId: 'default',
  transport: 'cookie',
  acr: 'aal1',
  amr: ['pwd'],
  authTime: exampleValues.authTime,
  expiresAt: exampleValues.expiresAt,
};

const tokenData = z.object({ accessToken: z.string(), tokenType: z.literal('Bearer'), expiresIn: z.int().positive() });

const tokenExample: z.output<typeof tokenData> = {
  accessToken: exampleValues.accessToken,
  tokenType: 'Bearer',
  expiresIn: exampleValues.accessTokenSeconds,
};

/** The endpoints of this flow. */
export function sessionEndpoints(dependencies: {
  readonly accessTokens: AccessTokens;
  readonly clients: Clients;
}): readonly Endpoint[] {
  const { accessTokens, clients } = dependencies;
  return [
    apiEndpoint({
      id: 'session.check',
      method: 'GET',
      path: '/api/v1/auth/session',
      tag: 'session',
      summary: 'Who is this, how well proven, until when',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: { status: 200, message: 'Session is live', data: sessionData, example: sessionExample },
      problems: [],
      handler: ({ principal }) => answerOf(principal),
    }),
    apiEndpoint({
      id: 'session.token',
      method: 'POST',
      path: '/api/v1/auth/token',
      tag: 'session',
      summary: 'An access token for this session',
      description: 'A session by cookie gets no access token unless it asks for one here.',
      auth: { principals: ['session'] },
      rateLimit: 'authenticated',
      request: {},
      response: { status: 200, message: 'Access token issued', data: tokenData, example: tokenExample },
      problems: [],
      handler: async ({ principal }) => {
        const { accessTokenLifetimeSeconds } = clients.default;
        const token = accessTokens.mint({ ...principal, accessTokenLifetimeSeconds });
        return { data: { accessToken: token.text, tokenType: 'Bearer' as const, expiresIn: token.expiresInSeconds } };
      },
    }),
  ];
}

/** A principal is the same object while its session is remembered: writing its answer once saves a tenth of a warm check. */
const answers = new WeakMap<Principal, ApiResponse<z.output<typeof sessionData>>>();

function answerOf(principal: Principal): ApiResponse<z.output<typeof sessionData>> {
  const known = answers.get(principal);
  if (known !== undefined) return known;
  const { userId, subject, sessionId, clientId, transport, acr, amr } = principal;
  const authTime = principal.authTime.toISOString();
  const expiresAt = principal.expiresAt.toISOString();
  const data = { userId, subject, sessionId, clientId, transport, acr, amr: [...amr], authTime, expiresAt };
  const answer = { data, kept: true } as const;
  answers.set(principal, answer);
  return answer;
}
