import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import { findCandidate, isGracePeriodOver } from './candidate.ts';
import { decide, finish, type LoginGate, type LoginOptions, type LoginResult, originOf, write } from './decide.ts';
import { provenBy } from './proofs.ts';
import { findSignUp } from './sign-up-tickets.ts';
import { consumeTicket, type PresentedTicket } from './tickets.ts';

/** How a sign-up is completed. */
export interface SignUpCompletion {
  /** The registration that the client has just confirmed. Undefined when another browser may have. */
  readonly registrationId?: string | undefined;
  readonly deviceToken: LoginOptions['deviceToken'];
}

/**
 * Completes a sign-up whose registration was confirmed: consumes its ticket and writes the session, or the ticket of the step
 * that this user needs. The ticket counts with the password that it proves; the mailbox is a factor only of the client that
 * pressed the link or typed the code.
 *
 * @throws Problem `email_not_verified` while the registration is not confirmed, also for a taken address; `invalid_ticket`
 * for a ticket that is used, expired, of another browser, of another registration, or from before a change of the user.
 */
export async function completeSignUp(
  gate: LoginGate,
  ticket: PresentedTicket,
  { registrationId, deviceToken }: SignUpCompletion,
  requester: Requester,
): Promise<LoginResult> {
  const signUp = await findSignUp(gate.database, ticket, gate.clock.now());
  if (signUp === undefined || signUp.isUsed) throw new Problem('invalid_ticket');
  if (registrationId !== undefined && signUp.id !== registrationId) throw new Problem('invalid_ticket');
  const { userId } = signUp;
  if (userId === null) throw new Problem('email_not_verified');
  const outcome = await gate.database.transaction(async (tx) => {
    const now = gate.clock.now();
    await gate.users.lock(tx, userId);
    const candidate = await findCandidate(tx, { userId, deviceId: gate.devices.read(deviceToken), now });
    if (candidate === undefined || isGracePeriodOver(candidate, now)) throw new Problem('invalid_ticket');
    const login = await consumeTicket(tx, { ...ticket, userId }, now);
    if (login === undefined) throw new Problem('invalid_ticket');
    const mailbox = registrationId === undefined ? [] : [provenBy({ by: 'mailbox_code' }, now)];
    const completed = {
      proof: { by: 'verify_email' },
      candidate,
      proven: [...login.proven, ...mailbox],
      // The time for the further steps begins now: the mail may have taken most of an hour.
      beganAt: now,
      origin: originOf(login),
      transport: login.transport,
      requester,
      now,
    } as const;
    return write(gate, tx, completed, decide(gate, completed));
  });
  return finish(gate, 'verify_email', outcome);
}
