/** The sequence of every login, top to bottom: read, decide, consume the proof, write. */
import type { UnfinishedAttempts } from '#domain/attempts/index.ts';
import { acceptsPasskeys, type PasskeySettings } from '#domain/passkeys/index.ts';
import type { SecondFactorRule } from '#domain/second-factors/index.ts';
import type { IssuedSession } from '#domain/session-issuance/index.ts';
import { endExcessSessions } from '#domain/sessions/index.ts';
import type { Users } from '#domain/users/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import { noUse, type QuotaReservation, refundWithin } from '#platform/rate-limit/index.ts';
import { type Candidate, findCandidate, isGracePeriodOver } from './candidate.ts';
import {
  consumeProof,
  type LoginWriter,
  type ProvenLogin,
  recordRejectedLogin,
  reportRecoveryCode,
  writeSession,
  writeTicket,
} from './complete.ts';
import {
  type LoginStep,
  loginFacts,
  nextStep,
  type SecondFactorKind,
  secondFactorsOf,
  type TicketStep,
} from './next-step.ts';
import { type FurtherProofName, type Proof, provenBy, rulesOf, type SecondProofName } from './proofs.ts';
import { reportingStuckCounter } from './stuck-counter.ts';
import { consumeTicket, findTicket, type LoginInProgress, type Ticket } from './tickets.ts';

/** Dependencies of the gate. */
export interface LoginGate extends LoginWriter {
  readonly database: Database;
  readonly users: Users;
  readonly unfinishedAttempts: UnfinishedAttempts;
  /** The users that a login requires two factors of. */
  readonly secondFactorFor: SecondFactorRule;
  /** Whether a login can set a passkey up. */
  readonly passkeys: PasskeySettings;
}

/** The properties of the session that the client requests. */
export interface LoginOptions {
  readonly transport: 'cookie' | 'token';
  /** The token of a known device. A password's proof has it read already, by the statement that counted the attempt. */
  readonly deviceToken: string | undefined;
  /** The browser of a page, which alone may present the ticket. */
  readonly browserHash?: Buffer | undefined;
  /** The path of ours that the login leads to; the caller has validated it. */
  readonly continueTo?: string | undefined;
}

/** How a further proof of a login is presented. */
export type FurtherOptions = Pick<LoginOptions, 'deviceToken' | 'browserHash'> & {
  /** The use of the client's rate limit, which a right proof gives back. */
  readonly quota?: QuotaReservation | undefined;
};

/** The result of a right proof. The gate throws a rejection as its Problem. */
export type LoginResult =
  | {
      readonly kind: 'done';
      readonly issued: IssuedSession;
      /** The path that the login was to lead to. */
      readonly continueTo: string | null;
    }
  | {
      readonly kind: 'step_required';
      readonly step: TicketStep;
      readonly ticket: Ticket;
      /** The second factors that the step accepts, or that it can set up; empty for every other step. */
      readonly factors: readonly SecondFactorKind[];
    };

/** A proof that a login can begin with. */
export type FirstProof = Exclude<Proof, { readonly by: FurtherProofName | 'setup_link' }>;

/** A second factor, for a login in progress or for a live session. */
export type SecondProof = Extract<Proof, { readonly by: SecondProofName | 'passkey' }>;

/** A proof for a login in progress. */
export type FurtherProof = SecondProof | Proof<'mailbox_code'>;

export type Decision =
  | { readonly kind: 'reject'; readonly code: ProblemCode }
  | { readonly kind: 'step'; readonly step: TicketStep }
  | { readonly kind: 'complete' };

/** A rejection is a value until its event is committed: thrown inside the transaction, it would roll the event back. */
export type Outcome =
  | Exclude<LoginResult, { readonly kind: 'done' }>
  | (Extract<LoginResult, { readonly kind: 'done' }> & { readonly isNearLimit: boolean })
  | { readonly kind: 'rejected'; readonly code: ProblemCode };

/** Steps without an endpoint. A step that gets one moves to `TicketStep`. */
const rejections: Readonly<Record<Exclude<LoginStep, TicketStep | 'done'>, ProblemCode>> = {
  first_factor: 'login_incomplete',
  verify_email: 'email_not_verified',
  accept_terms: 'login_incomplete',
};

/**
 * Begins a login by its first proof. Writes a session when nothing is missing and a ticket when a step is; throws the
 * Problem of every rejection, which is committed to the audit log first.
 *
 * A password costs one more round trip here: its candidate was read by the statement that counted the attempt, and
 * `login.complete` compares the epoch. Every other proof takes one transaction in the order user, counter, proof, writes.
 */
export async function startLogin(
  gate: LoginGate,
  proof: FirstProof,
  options: LoginOptions,
  requester: Requester,
): Promise<LoginResult> {
  if (proof.by === 'password')
    return finish(gate, proof.by, await decideByCountedRead(gate, proof, options, requester));
  // Possession of a key that verifies nobody begins no login.
  if (proof.by === 'passkey' && !proof.passkey.userVerified) throw new Problem('invalid_passkey');
  const outcome = await reportingStuckCounter(gate, proof, requester, () =>
    gate.database.transaction((tx) => decideUnderLock(gate, tx, proof, options, requester)),
  );
  return finish(gate, proof.by, outcome);
}

/**
 * Continues the login of a ticket by a further proof, which must be the ticket's user's: only a ticket of the proof's
 * user is consumed, else a second factor of one user would complete the login of another. The session or the next ticket
 * follows in the same transaction.
 *
 * @throws Problem `invalid_ticket` when the ticket is not usable, of another user or of another browser; the refusal of the proof when it was
 * used meanwhile, which leaves the ticket usable.
 */
export async function continueLogin(
  gate: LoginGate,
  ticket: string,
  proof: FurtherProof,
  { deviceToken, browserHash, quota = noUse }: FurtherOptions,
  requester: Requester,
): Promise<LoginResult> {
  const { userId } = proof;
  const presented = { text: ticket, browserHash, userId };
  const work = async (tx: Queries) => {
    const now = gate.clock.now();
    const deviceId = gate.devices.read(deviceToken);
    // Sent together: the connection runs them in this order, so the candidate is read under the lock.
    const [, candidate, login] = await Promise.all([
      gate.users.lock(tx, userId),
      findCandidate(tx, { userId, deviceId, now }),
      consumeTicket(tx, presented, now),
    ]);
    if (candidate === undefined || isGracePeriodOver(candidate, now)) throw new Problem('invalid_ticket');
    if (login === undefined) throw new Problem('invalid_ticket');
    const step = proof.by === 'mailbox_code' ? 'confirm_mailbox' : 'second_factor';
    if (nextStep(loginFacts(candidate, login.proven, gate.secondFactorFor)) !== step)
      throw new Problem('login_incomplete');
    const { transport, beganAt } = login;
    const proven = [...login.proven, provenBy(proof, now)];
    const origin = originOf(login);
    const continued = { proof, candidate, proven, beganAt, origin, transport, requester, now };
    const decision = decide(gate, continued);
    // First of them: the statement that reserves a guess locks the counter of the client before that of the user.
    const [, outcome] = await Promise.all([
      decision.kind === 'reject' ? undefined : refundWithin(tx, quota),
      consumeAndWrite(gate, tx, continued, decision, false),
    ]);
    return outcome;
  };
  const outcome = await reportingStuckCounter(gate, proof, requester, () => gate.database.transaction(work));
  return finish(gate, proof.by, outcome);
}

/**
 * Consumes a proof and writes what follows from it, by statements that are sent together, in the order of the calls. A
 * proof that was used before throws, which rolls back what follows.
 */
async function consumeAndWrite(
  gate: LoginGate,
  tx: Queries,
  login: ProvenLogin & { readonly proof: Proof },
  decision: Decision,
  isFirst: boolean,
): Promise<Outcome> {
  const [, , outcome] = await Promise.all([
    consumeProof(gate, tx, login, isFirst),
    login.proof.by === 'recovery_code' ? reportRecoveryCode(gate, tx, login) : undefined,
    write(gate, tx, login, decision),
  ]);
  return outcome;
}

/** The browser and the path of the login of a ticket. */
export function originOf({ browserHash, continueTo }: LoginInProgress): ProvenLogin['origin'] {
  return { browserHash, continueTo };
}

/** Throws a rejection, whose event is committed and counted, and ends the sessions beyond the limit. */
export async function finish(gate: LoginGate, by: ProvenLogin['proof']['by'], outcome: Outcome): Promise<LoginResult> {
  if (outcome.kind === 'rejected') throw new Problem(outcome.code);
  gate.onLogin?.(by, outcome.kind === 'done' ? 'succeeded' : 'step_required');
  // After the commit, so that of concurrent logins the last one sees the sessions of all.
  if (outcome.kind === 'done' && outcome.isNearLimit) {
    await endExcessSessions(gate.database, { userId: outcome.issued.userId, now: gate.clock.now() });
  }
  return outcome;
}

async function decideByCountedRead(
  gate: LoginGate,
  proof: Proof<'password'>,
  options: LoginOptions,
  requester: Requester,
): Promise<Outcome> {
  const { candidate } = proof;
  const now = gate.clock.now();
  const login = begin(proof, candidate, options, requester, now);
  const decision = decide(gate, login);
  if (decision.kind !== 'step') return write(gate, gate.database, login, decision);
  return gate.database.transaction(async (tx) => {
    const [, outcome] = await Promise.all([
      gate.users.lock(tx, candidate.userId),
      consumeAndWrite(gate, tx, login, decision, true),
    ]);
    return outcome;
  });
}

async function decideUnderLock(
  gate: LoginGate,
  tx: Queries,
  proof: Exclude<FirstProof, { readonly by: 'password' }>,
  options: LoginOptions,
  requester: Requester,
): Promise<Outcome> {
  const { userId } = proof;
  const now = gate.clock.now();
  const deviceId = gate.devices.read(options.deviceToken);
  const [, candidate] = await Promise.all([gate.users.lock(tx, userId), findCandidate(tx, { userId, deviceId, now })]);
  if (candidate === undefined) throw new Problem(rulesOf(proof).refusal);
  const login = begin(proof, candidate, options, requester, now);
  const decision = decide(gate, login);
  // A rejected login leaves its link or code unused: it still works once the reason is gone.
  if (decision.kind === 'reject') return write(gate, tx, login, decision);
  return consumeAndWrite(gate, tx, login, decision, true);
}

/** A login at its first proof. */
export function begin<P extends Proof>(
  proof: P,
  candidate: Candidate,
  { transport, browserHash, continueTo }: LoginOptions,
  requester: Requester,
  now: Date,
): ProvenLogin & { readonly proof: P } {
  const origin = { browserHash: browserHash ?? null, continueTo: continueTo ?? null };
  return { proof, candidate, proven: [provenBy(proof, now)], beganAt: now, origin, transport, requester, now };
}

/** Decides what follows from the factors and facts of a login. */
export function decide(
  { secondFactorFor }: Pick<LoginGate, 'secondFactorFor'>,
  { proof, candidate, proven, now }: ProvenLogin,
): Decision {
  const { refusal, refusalOfDisabled } = rulesOf(proof);
  if (isGracePeriodOver(candidate, now)) return { kind: 'reject', code: refusal };
  if (candidate.status === 'disabled') return { kind: 'reject', code: refusalOfDisabled };
  const step = nextStep(loginFacts(candidate, proven, secondFactorFor));
  if (step === 'done') return { kind: 'complete' };
  return isRejection(step) ? { kind: 'reject', code: rejections[step] } : { kind: 'step', step };
}

function isRejection(step: LoginStep): step is keyof typeof rejections {
  return Object.hasOwn(rejections, step);
}

/** Writes what was decided: a session, a ticket, or the event of a rejection. */
export async function write(
  gate: LoginGate,
  queries: Queries,
  login: ProvenLogin,
  decision: Decision,
): Promise<Outcome> {
  if (decision.kind === 'complete') {
    const { continueTo } = login.origin;
    return { kind: 'done', continueTo, ...(await writeSession(gate, queries, login)) };
  }
  if (decision.kind === 'step') {
    const { step } = decision;
    const factors = factorsOf(gate, step, login.candidate);
    return { kind: 'step_required', step, ticket: await writeTicket(gate, queries, login, step), factors };
  }
  const { userId, wrapped } = login.candidate;
  const userKey = gate.keys.unwrapUserKey(userId, wrapped);
  await recordRejectedLogin(
    gate,
    queries,
    { by: login.proof.by, reason: decision.code, userId, userKey },
    login.requester,
  );
  return { kind: 'rejected', code: decision.code };
}

function factorsOf({ passkeys }: LoginGate, step: TicketStep, candidate: Candidate): readonly SecondFactorKind[] {
  if (step === 'second_factor') return secondFactorsOf(candidate);
  if (step !== 'enroll_second_factor') return [];
  return acceptsPasskeys(passkeys) ? ['passkey', 'totp'] : ['totp'];
}

/**
 * Takes the step that a ticket was issued for, in one transaction: lock the ticket's user, read the facts again, consume
 * the ticket, compare the step, `work`. Every rejection rolls back, so that the ticket remains usable.
 *
 * `work` gets its user from the ticket and from nowhere else: a ticket of one user never changes another. It raises the
 * epoch, which ends this login (ADR 0017), so that no session follows.
 */
export async function completeStep(
  gate: Pick<LoginGate, 'database' | 'clock' | 'users' | 'secondFactorFor'>,
  ticket: string,
  step: TicketStep,
  work: (tx: Queries, login: LoginInProgress) => Promise<void>,
  { browserHash }: Pick<LoginOptions, 'browserHash'> = {},
): Promise<void> {
  const presented = { text: ticket, browserHash };
  const found = await findTicket(gate.database, presented, gate.clock.now());
  if (found === undefined) throw new Problem('invalid_ticket');
  const { userId } = found;
  await gate.database.transaction(async (tx) => {
    const now = gate.clock.now();
    await gate.users.lock(tx, userId);
    const candidate = await findCandidate(tx, { userId, now });
    if (candidate === undefined || isGracePeriodOver(candidate, now)) throw new Problem('invalid_ticket');
    const login = await consumeTicket(tx, { ...presented, userId }, now);
    if (login === undefined) throw new Problem('invalid_ticket');
    if (nextStep(loginFacts(candidate, login.proven, gate.secondFactorFor)) !== step)
      throw new Problem('login_incomplete');
    await work(tx, login);
  });
}
