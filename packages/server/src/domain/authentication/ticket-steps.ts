/** Steps of a login that change the user: setting a second factor up, setting a new password, and setting an owner up. */
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import { type Candidate, findCandidate, isGracePeriodOver } from './candidate.ts';
import { consumeProof, type ProvenLogin } from './complete.ts';
import {
  begin,
  decide,
  finish,
  type LoginGate,
  type LoginOptions,
  type LoginResult,
  originOf,
  write,
} from './decide.ts';
import { loginFacts, nextStep, type TicketStep } from './next-step.ts';
import { type Proof, type ProofOfFactor, provenBy, type StepTaken } from './proofs.ts';
import { consumeTicket, findTicket, type LoginInProgress, type PresentedTicket } from './tickets.ts';

/** A login in progress and its user, read without a lock. */
export interface FoundStep {
  readonly login: LoginInProgress;
  readonly candidate: Candidate;
}

/**
 * Reads the login of a ticket whose next step is this one, and consumes nothing: for the part of a step that changes no
 * user, such as mailing a code. The step itself reads everything again, under the user's lock.
 *
 * @throws Problem `invalid_ticket` for a ticket that is not usable; `login_incomplete` for one of another step.
 */
export async function findStep(
  gate: Pick<LoginGate, 'database' | 'clock' | 'secondFactorFor'>,
  ticket: PresentedTicket,
  step: TicketStep,
): Promise<FoundStep> {
  const now = gate.clock.now();
  const login = await findTicket(gate.database, ticket, now);
  if (login === undefined) throw new Problem('invalid_ticket');
  const candidate = await findCandidate(gate.database, { userId: login.userId, now });
  if (candidate === undefined || isGracePeriodOver(candidate, now)) throw new Problem('invalid_ticket');
  // Two reads, so that the epoch may have been raised between them.
  if (candidate.authEpoch !== login.authEpoch) throw new Problem('invalid_ticket');
  if (nextStep(loginFacts(candidate, login.proven, gate.secondFactorFor)) !== step)
    throw new Problem('login_incomplete');
  return { login, candidate };
}

/** A step that changes the user of its ticket. `A` is the result of `work`. */
export interface StepChange<A> {
  readonly ticket: PresentedTicket;
  readonly step: Exclude<StepTaken['by'], 'verify_email'>;
  /** The factor that `work` sets up and proves. */
  readonly proves?: ProofOfFactor;
  /** Changes the ticket's user, and no other, in the transaction of the login; raises the epoch. */
  readonly work: (tx: Queries, login: LoginInProgress) => Promise<A>;
}

/** The result of `work`, and that of the login. */
export interface TakenStep<A> {
  readonly applied: A;
  readonly result: LoginResult;
}

/**
 * Takes a step that changes the user, and continues the login: lock the user, read the facts, consume the ticket, compare
 * the step, `work`, read the facts again, and write the session or the next ticket. These carry the epoch that `work`
 * began: the login goes along with the change that it makes, while everything that was issued before is revoked. Every
 * rejection rolls back, so that the ticket remains usable.
 *
 * @throws Problem `invalid_ticket`, `login_incomplete`, and what `work` throws.
 */
export async function takeStep<A>(
  gate: LoginGate,
  { ticket, step, proves, work }: StepChange<A>,
  { deviceToken }: Pick<LoginOptions, 'deviceToken'>,
  requester: Requester,
): Promise<TakenStep<A>> {
  const found = await findTicket(gate.database, ticket, gate.clock.now());
  if (found === undefined) throw new Problem('invalid_ticket');
  const { userId } = found;
  const { applied, outcome } = await gate.database.transaction(async (tx) => {
    const now = gate.clock.now();
    await gate.users.lock(tx, userId);
    const before = await findCandidate(tx, { userId, deviceId: gate.devices.read(deviceToken), now });
    if (before === undefined || isGracePeriodOver(before, now)) throw new Problem('invalid_ticket');
    const login = await consumeTicket(tx, { ...ticket, userId }, now);
    if (login === undefined) throw new Problem('invalid_ticket');
    if (nextStep(loginFacts(before, login.proven, gate.secondFactorFor)) !== step)
      throw new Problem('login_incomplete');
    const result = await work(tx, login);
    // The device that takes the step stays known, as that of a session that changes its user does.
    const after = present(await findCandidate(tx, { userId, now }), 'the locked user');
    const candidate = { ...after, deviceId: before.deviceId };
    const proven = proves === undefined ? login.proven : [...login.proven, provenBy(proves, now)];
    const { transport, beganAt } = login;
    const origin = originOf(login);
    const taken: ProvenLogin = { proof: { by: step }, candidate, proven, beganAt, origin, transport, requester, now };
    return { applied: result, outcome: await write(gate, tx, taken, decide(gate, taken)) };
  });
  return { applied, result: await finish(gate, step, outcome) };
}

/**
 * Begins a login by a link that sets the user up, in one transaction: lock the user, consume the link, `work`, read the
 * facts that `work` left, and write the session or the ticket.
 *
 * @throws Problem `invalid_token` for a link that is used, expired or of an earlier epoch, and what `work` throws.
 */
export async function startBySetupLink(
  gate: LoginGate,
  proof: Proof<'setup_link'>,
  work: (tx: Queries) => Promise<void>,
  options: LoginOptions,
  requester: Requester,
): Promise<LoginResult> {
  const { userId } = proof;
  const outcome = await gate.database.transaction(async (tx) => {
    const now = gate.clock.now();
    await gate.users.lock(tx, userId);
    const before = await findCandidate(tx, { userId, now });
    if (before === undefined || isGracePeriodOver(before, now)) throw new Problem('invalid_token');
    await consumeProof(gate, tx, { proof, candidate: before, requester, now }, true);
    await work(tx);
    const candidate = present(await findCandidate(tx, { userId, now }), 'the locked user');
    const begun = begin(proof, candidate, options, requester, now);
    return write(gate, tx, begun, decide(gate, begun));
  });
  return finish(gate, proof.by, outcome);
}
