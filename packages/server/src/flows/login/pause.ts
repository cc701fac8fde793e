/** A login that needs a further step: it ends here with a ticket, and no session, cookie or token exists yet. */

import { resetFailedAttempts } from '#domain/attempts/index.ts';
import {
  type Candidate,
  issueTicket,
  type LoginStep,
  type ProvenFactor,
  type Ticket,
} from '#domain/authentication/index.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Attempt, Login } from './login.ts';

/** Hands out the ticket that carries what was proven. The password was right, so its attempts are taken back. */
export async function pause(
  flow: Login,
  attempt: Attempt,
  caller: Caller,
  candidate: Candidate,
  { step, proven }: { readonly step: LoginStep; readonly proven: readonly ProvenFactor[] },
): Promise<Ticket> {
  const { userId, authEpoch, wrapped } = candidate;
  const now = flow.clock.now();
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const actor = { kind: 'user', id: userId } as const;
  const personal = clientInfoOf(caller);
  const event = { action: 'login.step_required', at: now, actor, userId, facts: { step }, personal } as const;
  const login = { userId, authEpoch, clientId: flow.clients.default.id, transport: attempt.transport, proven };
  const ticket = await flow.database.transaction(async (tx) => {
    await flow.users.lock(tx, userId);
    const issued = await issueTicket(tx, flow.makeId, login, now);
    if (issued === undefined) return undefined;
    await resetFailedAttempts(tx, userId, candidate.deviceId === undefined ? 'password' : 'password_known_device');
    await flow.audit.record(tx, event, userKey);
    return issued;
  });
  if (ticket === undefined) throw new Problem('invalid_credentials', { log: 'the user changed during the login' });
  return ticket;
}
