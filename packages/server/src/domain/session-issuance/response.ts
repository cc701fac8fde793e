/** What the holder of a new session is answered: tokens in the body, or cookies. */
import { z } from 'zod';
import type { Ticket } from '#domain/authentication/index.ts';
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

/** What a right proof comes to: a session, or a ticket for the step that is still needed. */
export type LoggedIn =
  | { readonly kind: 'done'; readonly issued: IssuedSession }
  | { readonly kind: 'step_required'; readonly step: 'keep_account'; readonly ticket: Ticket };

/** What a login answers: a session, or what it still needs. Without `step` it is done, and with it nothing is in force. */
export const loggedInData = issuedSession.partial({ userId: true, sessionId: true, expiresAt: true }).extend({
  step: z.literal('keep_account').optional(),
  ticket: z.string().optional(),
  ticketExpiresAt: z.iso.datetime().optional(),
});

/** The answer of every endpoint that logs in. */
export function loggedInAnswer(loggedIn: LoggedIn): {
  readonly data: z.output<typeof loggedInData>;
  readonly cookies: readonly CookieChange[];
  readonly message?: string;
} {
  if (loggedIn.kind === 'done') {
    return { data: issuedData(loggedIn.issued), cookies: issuedCookies(loggedIn.issued) };
  }
  const { step, ticket } = loggedIn;
  const data = { step, ticket: ticket.text, ticketExpiresAt: ticket.expiresAt.toISOString() };
  return { data, cookies: [], message: 'A further step is needed' };
}
