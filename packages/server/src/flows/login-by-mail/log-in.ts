/** What a good link and a good code have in common: under the user's lock, decide what is needed, use it, and log in. */

import { resetFailedAttempts } from '#domain/attempts/index.ts';
import {
  type Candidate,
  completeLogin,
  findCandidate,
  isGracePeriodOver,
  issueTicket,
  type LoginCompletion,
  type LoginResult,
  type LoginStep,
  loginFacts,
  nextStep,
  type Ticket,
} from '#domain/authentication/index.ts';
import type { Clients } from '#domain/clients/index.ts';
import type { DeviceTokens } from '#domain/devices/index.ts';
import { consume, consumeCode } from '#domain/one-time-tokens/index.ts';
import { type IssuedSession, oneFactorAcr } from '#domain/session-issuance/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';

/** What entering needs. */
export interface MailLogin extends LoginCompletion {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly clients: Clients;
  readonly devices: DeviceTokens;
}

/** A link or a code in the hands of the browser that asked for it. */
export type MailedProof = { readonly userId: string; readonly browserHash: Buffer } & (
  | { readonly kind: 'magic_link'; readonly text: string }
  | { readonly kind: 'email_code'; readonly hash: Buffer }
);

/** How the session is to be. */
export interface Wanted {
  readonly transport: 'cookie' | 'token';
  readonly deviceToken: string | undefined;
}

/**
 * Reading the mailbox counts as knowledge, since a mailbox is opened with a password: so a password and a mail are never
 * two factors (NIST SP 800-63B-4 §3.1.3.1 keeps e-mail out of the second ones).
 */
const mailbox = { amr: 'otp', kind: 'knowledge', userVerified: false } as const;
const proven = [mailbox];

/** What each is refused with when it is dead; the same as for one that never was. */
const refusals = { magic_link: 'invalid_token', email_code: 'invalid_code' } as const;

/** Logs in, or throws the problem that says why not. Of many uses at once exactly one works. */
export async function logIn(flow: MailLogin, proof: MailedProof, wanted: Wanted, caller: Caller): Promise<LoginResult> {
  const outcome = await flow.database.transaction((tx) => admit(flow, tx, { proof, wanted, caller }));
  if (outcome.kind === 'refused') throw new Problem(outcome.code);
  if (outcome.kind === 'paused') return { kind: 'step_required', step: 'cancel_deletion', ticket: outcome.ticket };
  return { kind: 'done', issued: outcome.issued };
}

interface Entering {
  readonly proof: MailedProof;
  readonly wanted: Wanted;
  readonly caller: Caller;
}

type Outcome =
  | { readonly kind: 'refused'; readonly code: ProblemCode }
  | { readonly kind: 'paused'; readonly ticket: Ticket }
  | { readonly kind: 'entered'; readonly issued: IssuedSession };

async function admit(flow: MailLogin, tx: Queries, entering: Entering): Promise<Outcome> {
  const { userId, kind } = entering.proof;
  const now = flow.clock.now();
  await flow.users.lock(tx, userId);
  const deviceId = flow.devices.read(entering.wanted.deviceToken);
  const candidate = await findCandidate(tx, { userId, deviceId, now });
  if (candidate === undefined || isGracePeriodOver(candidate, now)) throw new Problem(refusals[kind]);
  const step = nextStep(loginFacts(candidate, proven));
  if (step !== 'done' && step !== 'cancel_deletion') return refuse(flow, tx, entering, candidate, step);
  await use(tx, entering.proof, now);
  if (step === 'cancel_deletion') return pause(flow, tx, entering, candidate);
  const issued = await completeLogin(flow, tx, {
    candidate,
    transport: entering.wanted.transport,
    requester: entering.caller,
    now,
    acr: oneFactorAcr,
    amr: [mailbox.amr],
    factors: ['email'],
    resets: 'email_code',
    by: kind,
  });
  if (issued === undefined) throw new Problem(refusals[kind], { log: 'the user changed during the login' });
  return { kind: 'entered', issued };
}

/** The counter first: whoever tries a code locks it before the code's row, and the other order would deadlock. */
async function use(tx: Queries, proof: MailedProof, now: Date): Promise<void> {
  await resetFailedAttempts(tx, proof.userId, 'email_code');
  const { browserHash } = proof;
  const used =
    proof.kind === 'magic_link'
      ? await consume(tx, 'magic_link', proof.text, now, { browserHash })
      : await consumeCode(tx, { hash: proof.hash, browserHash }, now);
  if (used === undefined) throw new Problem(refusals[proof.kind]);
}

/** Records why, and leaves the link or code as it is. */
async function refuse(
  flow: MailLogin,
  tx: Queries,
  entering: Entering,
  candidate: Candidate,
  step: LoginStep,
): Promise<Outcome> {
  const code = step === 'verify_email' ? 'email_not_verified' : 'login_incomplete';
  const event = eventOf(flow, entering, candidate);
  const facts = { reason: code, by: entering.proof.kind };
  await flow.audit.record(tx, { ...event, action: 'login.refused', facts }, keyOf(flow, candidate));
  return { kind: 'refused', code };
}

/** The login ends here with a ticket, and no session, cookie or token exists yet. */
async function pause(flow: MailLogin, tx: Queries, entering: Entering, candidate: Candidate): Promise<Outcome> {
  const { userId, authEpoch } = candidate;
  const { transport } = entering.wanted;
  const login = { userId, authEpoch, clientId: flow.clients.default.id, transport, proven };
  const event = eventOf(flow, entering, candidate);
  const ticket = await issueTicket(tx, flow.makeId, login, event.at);
  if (ticket === undefined) throw new Problem(refusals[entering.proof.kind], { log: 'the user changed' });
  const facts = { step: 'cancel_deletion', by: entering.proof.kind };
  await flow.audit.record(tx, { ...event, action: 'login.step_required', facts }, keyOf(flow, candidate));
  return { kind: 'paused', ticket };
}

function eventOf(flow: MailLogin, { caller }: Entering, { userId }: Candidate) {
  const personal = clientInfoOf(caller);
  return { at: flow.clock.now(), actor: { kind: 'user', id: userId }, userId, personal } as const;
}

function keyOf({ keys }: MailLogin, { userId, wrapped }: Candidate) {
  return keys.unwrapUserKey(userId, wrapped);
}
