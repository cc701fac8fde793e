/**
 * Logging in with a password. Owns `POST /api/v1/auth/login`.
 * The attempt is reserved before the hash is computed, by the statement that reads the user (DESIGN §5.2); a session
 * exists only after `nextStep` says `done`; wrong address and wrong password get the same answer for the same work.
 */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { apiEndpoint, type CookieChange, type Endpoint } from '#platform/http/index.ts';
import { type Completed, type Login, login } from './login.ts';

export type { Login } from './login.ts';

const loggedIn = z.object({
  userId: z.uuid(),
  sessionId: z.uuid(),
  expiresAt: z.iso.datetime(),
  accessToken: z.string().optional(),
  tokenType: z.literal('Bearer').optional(),
  expiresIn: z.int().positive().optional(),
  refreshToken: z.string().optional(),
  refreshExpiresAt: z.iso.datetime().optional(),
  deviceToken: z.string().optional(),
});

/** The endpoints of this flow. */
export function loginEndpoints(flow: Login): readonly Endpoint[] {
  return [
    apiEndpoint({
      id: 'login.password',
      method: 'POST',
      path: '/api/v1/auth/login',
      tag: 'login',
      summary: 'Log in with address and password',
      description:
        'With `transport: "token"` the answer holds tokens; with `"cookie"` it sets the session cookie and holds none. ' +
        '`deviceToken` (or its cookie) from an earlier login makes this a known device.',
      auth: 'public',
      rateLimit: 'credential',
      request: {
        body: z.strictObject({
          email: emailInput,
          // Whatever was accepted once must be accepted here, so only the size is asked.
          password: z.string().min(1).max(1024),
          transport: z.enum(['cookie', 'token']).default('token'),
          deviceToken: z.string().max(200).optional(),
        }),
      },
      response: { status: 200, message: 'Logged in', data: loggedIn },
      problems: ['invalid_credentials', 'email_not_verified', 'account_disabled', 'login_incomplete', 'busy'],
      handler: async ({ body, caller }) => {
        const attempt = {
          canonical: body.email.canonical,
          password: body.password,
          transport: body.transport,
          deviceToken: body.deviceToken ?? caller.deviceCookie,
        };
        const completed = await login(flow, attempt, caller);
        return { data: toData(completed), cookies: toCookies(completed) };
      },
    }),
  ];
}

function toData(completed: Completed): z.output<typeof loggedIn> {
  const { userId, sessionId, tokens } = completed;
  const data = { userId, sessionId, expiresAt: completed.sessionExpiresAt.toISOString() };
  if (tokens === undefined) return data;
  return {
    ...data,
    accessToken: tokens.access.text,
    tokenType: 'Bearer',
    expiresIn: tokens.access.expiresInSeconds,
    refreshToken: tokens.refresh,
    refreshExpiresAt: tokens.refreshExpiresAt.toISOString(),
    deviceToken: completed.deviceToken,
  };
}

function toCookies(completed: Completed): CookieChange[] {
  if (completed.sessionToken === undefined) return [];
  const { sessionToken, sessionExpiresAt, deviceToken, deviceExpiresAt } = completed;
  return [
    { cookie: 'session', change: { value: sessionToken, expiresAt: sessionExpiresAt } },
    { cookie: 'device', change: { value: deviceToken, expiresAt: deviceExpiresAt } },
  ];
}
