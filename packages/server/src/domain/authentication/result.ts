import type { IssuedSession } from '#domain/session-issuance/index.ts';
import type { Ticket } from './tickets.ts';

/** The result of a proof that was right: a session, or a ticket for the step that is still required. */
export type LoginResult =
  | { readonly kind: 'done'; readonly issued: IssuedSession }
  | { readonly kind: 'step_required'; readonly step: 'cancel_deletion'; readonly ticket: Ticket };
