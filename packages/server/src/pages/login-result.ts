/** A login and an issued session as HTTP: body and cookies, the same for API endpoints and pages. */
import { z } from 'zod';
import type { LoginResult } from '#domain/authentication/index.ts';
import type { IssuedSession } from '#domain/session-issuance/index.ts';
import { type CookieChange, exampleValues } from '#platform/http/index.ts';

/** The body of a response that issues a session. */
export const issuedSessionData = z.object({
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

/** The example of a login whose tokens are in the body. */
export const issuedSessionExample: z.output<typeof issuedSessionData> = {
  userId: exampleValues.userId,
  sessionId: exampleValues.sessionId,
  expiresAt: exampleValues.expiresAt,
  accessToken: exampleValues.accessToken,
  tokenType: 'Bearer',
  expiresIn: exampleValues.accessTokenSeconds,
  refreshToken: exampleValues.refreshToken,
  refreshExpiresAt: exampleValues.expiresAt,
  deviceToken: exampleValues.deviceToken,
};

/** The body of a login. With `step` no session exists yet, and the ticket is what the step needs. */
export const loginResultData = issuedSessionData.partial({ userId: true, sessionId: true, expiresAt: true }).extend({
  step: z
    .enum(['second_factor', 'confirm_mailbox', 'enroll_second_factor', 'change_password', 'cancel_deletion'])
    .optional(),
  ticket: z.string().optional(),
  ticketExpiresAt: z.iso.datetime().optional(),
  /** The second factors that the step accepts, or that it can set up. */
  factors: z.array(z.enum(['passkey', 'totp', 'recovery_code'])).optional(),
});

/** The response of every endpoint that logs in. */
export function loginResponse(result: LoginResult): {
  readonly data: z.output<typeof loginResultData>;
  readonly cookies: readonly CookieChange[];
  readonly message?: string;
} {
  if (result.kind === 'done') return issuedSessionResponse(result.issued);
  const { step, ticket, factors } = result;
  const data = {
    step,
    ticket: ticket.text,
    ticketExpiresAt: ticket.expiresAt.toISOString(),
    ...(factors.length > 0 && { factors: [...factors] }),
  };
  return { data, cookies: [], message: 'A further step is needed' };
}

/** A session by cookie puts its secrets into cookies alone, a session by tokens into the body alone. */
export function issuedSessionResponse(issued: IssuedSession): {
  readonly data: z.output<typeof issuedSessionData>;
  readonly cookies: readonly CookieChange[];
} {
  return { data: dataOf(issued), cookies: sessionCookies(issued) };
}

function dataOf(issued: IssuedSession): z.output<typeof issuedSessionData> {
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

/** Empty for a session by tokens. */
export function sessionCookies(issued: IssuedSession): CookieChange[] {
  if (issued.sessionToken === undefined) return [];
  const { sessionToken, sessionExpiresAt, deviceToken, deviceExpiresAt } = issued;
  return [
    { cookie: 'session', change: { value: sessionToken, expiresAt: sessionExpiresAt } },
    { cookie: 'device', change: { value: deviceToken, expiresAt: deviceExpiresAt } },
  ];
}
