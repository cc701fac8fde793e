/** The response of a completed or paused login. */
import { z } from 'zod';
import { type IssuedSession, issuedCookies, issuedData, issuedSession } from '#domain/session-issuance/index.ts';
import type { CookieChange } from '#platform/http/index.ts';
import type { Ticket } from './tickets.ts';

/** What a right proof comes to: a session, or a ticket for the step that is still needed. */
export type LoginResult =
  | { readonly kind: 'done'; readonly issued: IssuedSession }
  | { readonly kind: 'step_required'; readonly step: 'cancel_deletion'; readonly ticket: Ticket };

/** What a login answers: a session, or what it still needs. Without `step` it is done, and with it nothing is in force. */
export const loginResultData = issuedSession.partial({ userId: true, sessionId: true, expiresAt: true }).extend({
  step: z.literal('cancel_deletion').optional(),
  ticket: z.string().optional(),
  ticketExpiresAt: z.iso.datetime().optional(),
});

/** The answer of every endpoint that logs in. */
export function loginResponse(loggedIn: LoginResult): {
  readonly data: z.output<typeof loginResultData>;
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
