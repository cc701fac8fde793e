/** The writes at the end of a login attempt: a session, a ticket, or nothing but the event of a rejection. */
import { attemptKey, resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { defaultClientId } from '#domain/clients/index.ts';
import { enqueueMail, type MailLedger, occasionOf } from '#domain/mail-ledger/index.ts';
import { type IssuedSession, type Issuers, issueSession } from '#domain/session-issuance/index.ts';
import { nearSessionLimit } from '#domain/sessions/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { JsonObject } from '#kernel/json.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { refundNothing } from '#platform/rate-limit/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import type { Candidate } from './candidate.ts';
import type { ProvenFactor, TicketStep } from './next-step.ts';
import { authenticationContext, consumeSingleUse, type Proof, rulesOf, type StepTaken } from './proofs.ts';
import { completeStatement } from './statements.ts';
import { issueTicket, type LoginInProgress, type Ticket } from './tickets.ts';

/** Dependencies of the writes. */
export interface LoginWriter extends Issuers {
  readonly clock: Clock;
  readonly keys: Keys;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  /** For the metric `logins_total`; `method` is the proof, or the step that was taken. */
  readonly onLogin?: (method: ProvenLogin['proof']['by'], outcome: LoginOutcome) => void;
}

export type LoginOutcome = 'succeeded' | 'step_required' | 'failed' | 'refused';

/** The browser that a login began in and the path that it leads to, as each of its tickets repeats them. */
export type LoginOrigin = Pick<LoginInProgress, 'browserHash' | 'continueTo'>;

/** A login whose proof was compared, or whose step was taken, with the user that it is for. */
export interface ProvenLogin {
  readonly proof: Proof | StepTaken;
  readonly candidate: Candidate;
  /** Every factor of this login, that of `proof` last. */
  readonly proven: readonly ProvenFactor[];
  /** When its first factor was proven. */
  readonly beganAt: Date;
  readonly origin: LoginOrigin;
  readonly transport: 'cookie' | 'token';
  readonly requester: Requester;
  readonly now: Date;
}

/** `isNearLimit`: the user may have too many sessions now. */
interface WrittenSession {
  readonly issued: IssuedSession;
  readonly isNearLimit: boolean;
}

/**
 * Writes the session: by one statement for a password, and in the transaction that consumed the proof for every other
 * kind. Throws the refusal of the proof when the user has changed since they were read.
 */
export async function writeSession(deps: LoginWriter, queries: Queries, login: ProvenLogin): Promise<WrittenSession> {
  const { proof, candidate, now } = login;
  const { userId } = candidate;
  const userKey = deps.keys.unwrapUserKey(userId, candidate.wrapped);
  const rehash = proof.by === 'password' ? await proof.rehash() : undefined;
  const { issued, values } = await issueSession(deps, sessionOf(login, userKey));
  const row = await queries.row(completeStatement, {
    loginUserId: userId,
    ...(proof.by === 'password' ? proof.quota.refundParams() : refundNothing(now)),
    // No counter has an empty kind.
    attemptKind: rulesOf(proof).resets(candidate) ?? '',
    attemptKey: attemptKey(userId),
    notifyOfDevice: candidate.deviceId === undefined && candidate.hasDevices,
    ...values,
    rehashSealed: rehash?.sealed ?? null,
    rehashOf: rehash?.of ?? Buffer.alloc(0),
    ...newDeviceMail(deps, login, userKey),
    ...successEvent(deps, login, userKey, { sessionId: issued.sessionId, amr: values.sessionAmr }),
  });
  if (row === undefined) throw staleCandidate(proof);
  return { issued, isNearLimit: row.earlierSessions >= nearSessionLimit };
}

/**
 * Consumes a proof, in the transaction of its effect. The counter comes before the proof's own row: the statement that
 * counts an attempt locks them in this order, and the opposite one would deadlock.
 *
 * @param isFirst whether the login begins with this proof.
 * @throws Problem the refusal of the proof when it was used before.
 */
export async function consumeProof(
  deps: Pick<LoginWriter, 'audit' | 'keys'>,
  tx: Queries,
  login: UsedLogin & { readonly proof: Proof },
  isFirst: boolean,
): Promise<void> {
  const { proof, candidate, now } = login;
  const { resets, refusal } = rulesOf(proof);
  const counter = resets(candidate);
  const use = { now, isFirst, onBackupChange: (facts: JsonObject) => recordBackupChange(deps, tx, login, facts) };
  const [, isConsumed] = await Promise.all([
    counter === undefined ? undefined : resetFailedAttempts(tx, candidate.userId, counter),
    consumeSingleUse(tx, proof, use),
  ]);
  if (!isConsumed) throw new Problem(refusal);
}

/** A copy of the passkey exists on other devices from now on, or no longer: no reason to refuse it, but one to look into. */
async function recordBackupChange(
  { audit, keys }: Pick<LoginWriter, 'audit' | 'keys'>,
  tx: Queries,
  { candidate: { userId, wrapped }, requester, now }: UsedLogin,
  facts: JsonObject,
): Promise<void> {
  const actor = { kind: 'user', id: userId } as const;
  const personal = clientInfoOf(requester);
  const event = { action: 'passkey.backup_changed', at: now, actor, userId, facts, personal } as const;
  await audit.record(tx, event, keys.unwrapUserKey(userId, wrapped));
}

/** The part of a login that its proof is used for. */
type UsedLogin = Pick<ProvenLogin, 'candidate' | 'requester' | 'now'>;

/** Records that a recovery code was used, and tells the user: a code that others found opens the account. */
export async function reportRecoveryCode(
  deps: LoginWriter,
  tx: Queries,
  { candidate, requester, now }: UsedLogin,
): Promise<void> {
  const { userId, identifierId, locale, wrapped } = candidate;
  const userKey = deps.keys.unwrapUserKey(userId, wrapped);
  const actor = { kind: 'user', id: userId } as const;
  const event = { action: 'recovery_code.used', at: now, actor, userId, personal: clientInfoOf(requester) } as const;
  await deps.audit.record(tx, event, userKey);
  const mail = { template: 'recovery_code_used', tokenId: null, params: occasionOf(requester) } as const;
  await enqueueMail(tx, deps.mail.values({ ...mail, locale, userId, identifierId, userKey, now }));
}

/** Writes a ticket, which carries the proven factors to the endpoint of the step. No session, cookie or token exists yet. */
export async function writeTicket(
  deps: LoginWriter,
  tx: Queries,
  login: ProvenLogin,
  step: TicketStep,
): Promise<Ticket> {
  const { proof, candidate, proven, beganAt, origin, transport, now } = login;
  const { userId, authEpoch, wrapped } = candidate;
  const clientId = defaultClientId;
  const inProgress = { userId, authEpoch, clientId, transport, proven, beganAt, ...origin };
  const ticket = await issueTicket(tx, deps.makeId, inProgress, now);
  if (ticket === undefined) throw staleCandidate(proof);
  const event = { ...userEvent(login), action: 'login.step_required', facts: { step, by: proof.by } } as const;
  await deps.audit.record(tx, event, deps.keys.unwrapUserKey(userId, wrapped));
  return ticket;
}

/** A proof that was rejected, or a login that was rejected in spite of its proof. */
export interface RejectedLogin {
  readonly by: (Proof | StepTaken)['by'];
  readonly reason: ProblemCode;
  /** Undefined when no user has the address. */
  readonly userId: string | undefined;
  readonly userKey: UserKey | undefined;
}

/**
 * Records why a login was rejected: `login.failed` for a wrong proof, `login.refused` for every other reason. The actor
 * is anonymous, because no login completed. One statement, for known and unknown addresses alike (invariant 13).
 */
export async function recordRejectedLogin(
  { audit, clock, onLogin }: Pick<LoginWriter, 'audit' | 'clock' | 'onLogin'>,
  queries: Queries,
  { by, reason, userId, userKey }: RejectedLogin,
  requester: Requester,
): Promise<void> {
  const isWrong = reason === rulesOf({ by }).refusal;
  const event = {
    action: isWrong ? 'login.failed' : 'login.refused',
    at: clock.now(),
    actor: { kind: 'anonymous' },
    facts: { reason, by },
    personal: clientInfoOf(requester),
    ...(userId === undefined ? {} : { userId }),
  } as const;
  await audit.record(queries, event, userKey);
  onLogin?.(by, isWrong ? 'failed' : 'refused');
}

function staleCandidate(proof: Proof | StepTaken): Problem {
  return new Problem(rulesOf(proof).refusal, { log: 'the user changed during the login' });
}

function sessionOf({ candidate, proven, transport, requester, now }: ProvenLogin, userKey: UserKey) {
  const { userId, subject, authEpoch, deviceId } = candidate;
  return {
    clientId: defaultClientId,
    userId,
    subject,
    authEpoch,
    deviceId,
    ...authenticationContext(proven),
    authTime: now,
    transport,
    expiresAt: undefined,
    requester,
    userKey,
    now,
  };
}

function newDeviceMail({ mail }: LoginWriter, { candidate, requester, now }: ProvenLogin, userKey: UserKey) {
  const { userId, identifierId, locale } = candidate;
  const device = describeUserAgent(requester.userAgent).words;
  const params = { device, ...occasionOf(requester), time: now.toISOString() };
  return mail.values({ template: 'new_device', locale, userId, identifierId, tokenId: null, params, userKey, now });
}

function successEvent(
  { audit }: LoginWriter,
  login: ProvenLogin,
  userKey: UserKey,
  { sessionId, amr }: { readonly sessionId: string; readonly amr: readonly string[] },
) {
  const facts = { amr: [...amr], by: login.proof.by };
  return audit.values({ ...userEvent(login), action: 'login.succeeded', sessionId, facts }, userKey);
}

function userEvent({ candidate: { userId }, requester, now }: ProvenLogin) {
  return { at: now, actor: { kind: 'user', id: userId }, userId, personal: clientInfoOf(requester) } as const;
}
