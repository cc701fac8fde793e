/** What the holder of a new session is answered: tokens in the body, or cookies. */
import { z } from 'zod';
import type { CookieChange } from '#platform/http/index.ts';
import type { IssuedSession } from './issue.ts';

/** The data of an answer that hands out a session. */
export const issuedSession = z.object({
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

/** What stands in the body: no secret for a session by cookie. */
export function issuedData(issued: IssuedSession): z.output<typeof issuedSession> {
  const { userId, sessionId, tokens } = issued;
  const data = { userId, sessionId, expiresAt: issued.sessionExpiresAt.toISOString() };
  if (tokens === undefined) return data;
  return {
    ...data,
    accessToken: tokens.access.text,
    tokenType: 'Bearer',
    expiresIn: tokens.access.expiresInSeconds,
    refreshToken: tokens.refresh,
    refreshExpiresAt: tokens.refreshExpiresAt.toISOString(),
    deviceToken: issued.deviceToken,
  };
}

/** The cookies of a session by cookie; none for one by tokens. */
export function issuedCookies(issued: IssuedSession): CookieChange[] {
  if (issued.sessionToken === undefined) return [];
  const { sessionToken, sessionExpiresAt, deviceToken, deviceExpiresAt } = issued;
  return [
    { cookie: 'session', change: { value: sessionToken, expiresAt: sessionExpiresAt } },
    { cookie: 'device', change: { value: deviceToken, expiresAt: deviceExpiresAt } },
  ];
}
