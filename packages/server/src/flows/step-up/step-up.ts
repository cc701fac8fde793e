/** Step-up of a session: count the attempt, compare the proof, hand it to the gate. */
import type { AttemptKind } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import {
  bindingToSession,
  compareMailboxCode,
  comparePasskey,
  compareSecondFactor,
  findCandidate,
  type LoginGate,
  type MailboxCodes,
  stepUp as renewByProof,
  reserveSecondFactorOfUser,
  type StepUpFactor,
  type StepUpProof,
  sendMailboxCode,
  stepUpFactors,
  type TypedSecondFactor,
} from '#domain/authentication/index.ts';
import { assertionOptions, listPasskeys, type PasskeySettings } from '#domain/passkeys/index.ts';
import { type PasswordHashes, provePassword } from '#domain/passwords/index.ts';
import type { IssuedSession } from '#domain/session-issuance/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { AuthenticationResponseJson, ChallengeContext, RequestOptionsJson } from '#protocol/webauthn/index.ts';

/** Dependencies of the flow. */
export interface StepUp extends LoginGate, MailboxCodes {
  readonly hashes: PasswordHashes;
  readonly audit: AuditLog;
  readonly passkeys: PasskeySettings;
}

/** The proof that was sent. */
export type TypedProof =
  | TypedSecondFactor
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'mailbox_code'; readonly code: string }
  | { readonly kind: 'passkey'; readonly passkey: AuthenticationResponseJson };

/** The proofs that this user's step-up accepts. */
export async function acceptedFactors(
  flow: StepUp,
  { userId }: Pick<Principal, 'userId'>,
): Promise<readonly StepUpFactor[]> {
  const candidate = await findCandidate(flow.database, { userId, now: flow.clock.now() });
  if (candidate === undefined) throw new Problem('not_authenticated');
  return stepUpFactors(candidate);
}

/**
 * Mails a code that only this session can use.
 *
 * @throws Problem `login_incomplete` for a user with a password or a second factor, which a mailbox must not replace.
 */
export async function requestCode(flow: StepUp, principal: Principal, caller: Caller): Promise<void> {
  if (!(await acceptedFactors(flow, principal)).includes('mailbox_code')) throw new Problem('login_incomplete');
  const { userId, authEpoch, sessionId } = principal;
  const binding = bindingToSession(sessionId);
  await sendMailboxCode(flow, { userId, authEpoch, binding, refusal: 'not_authenticated' }, caller);
}

/**
 * The options for the user's passkeys, for this session.
 *
 * @throws Problem `passkey_not_found`, `passkeys_unavailable`.
 */
export async function stepUpOptions(flow: StepUp, principal: Principal): Promise<RequestOptionsJson> {
  const allowed = await listPasskeys(flow.database, principal.userId);
  return assertionOptions(flow, { context: contextOf(principal), allowed, now: flow.clock.now() });
}

function contextOf({ sessionId }: Pick<Principal, 'sessionId'>): ChallengeContext {
  return { purpose: 'step_up', binding: Buffer.from(sessionId) };
}

/** Renews the caller's session, or throws the Problem of the rejection. */
export async function stepUp(
  flow: StepUp,
  typed: TypedProof,
  principal: Principal,
  caller: Caller,
): Promise<IssuedSession> {
  if (!(await acceptedFactors(flow, principal)).includes(typed.kind)) throw new Problem('login_incomplete');
  try {
    return await renew(flow, principal, await prove(flow, typed, principal), caller);
  } catch (error) {
    if (error instanceof Problem && wrongProofs.includes(error.code))
      await recordWrongProof(flow, typed, principal, caller);
    throw error;
  }
}

/** A passkey is not counted, and a recovery code is compared by the transaction that failed, so it may be wrong. */
const countersOfRightProofs: Readonly<Record<StepUpProof['by'], AttemptKind | undefined>> = {
  password: 'password_known_device',
  mailbox_code: 'mailbox_code',
  totp: 'second_factor_known_device',
  recovery_code: undefined,
  passkey: undefined,
};

function renew(flow: StepUp, principal: Principal, proof: StepUpProof, caller: Caller): Promise<IssuedSession> {
  const kind = countersOfRightProofs[proof.by];
  const renewed = () => renewByProof(flow, principal, proof, caller);
  const { userId } = principal;
  return kind === undefined ? renewed() : flow.unfinishedAttempts.finish({ kind, userId }, renewed);
}

const wrongProofs: readonly ProblemCode[] = ['invalid_password', 'invalid_code', 'invalid_passkey', 'unknown_passkey'];

async function prove(flow: StepUp, typed: TypedProof, principal: Principal): Promise<StepUpProof> {
  const { userId, sessionId } = principal;
  if (typed.kind === 'password') {
    if (!(await provePassword(flow, userId, typed.password))) throw new Problem('invalid_password');
    return { by: 'password', userId };
  }
  if (typed.kind === 'mailbox_code') {
    const proof = await compareMailboxCode(flow, { userId, binding: bindingToSession(sessionId) }, typed.code);
    if (proof === undefined) throw new Problem('invalid_code');
    return proof;
  }
  const now = flow.clock.now();
  if (typed.kind === 'passkey') {
    const compared = await comparePasskey(flow, typed.passkey, { context: contextOf(principal), userId, now });
    if (compared.kind === 'rejected') throw compared.problem;
    return compared.proof;
  }
  const guess = await reserveSecondFactorOfUser(flow.database, userId, now);
  const proof = compareSecondFactor(flow.keys, guess, typed, now);
  if (proof === undefined) throw new Problem('invalid_code');
  return proof;
}

async function recordWrongProof(
  flow: StepUp,
  { kind }: TypedProof,
  { userId, sessionId }: Principal,
  caller: Caller,
): Promise<void> {
  const userKey = await flow.users.key(userId);
  const event = {
    action: 'session.step_up_refused',
    at: flow.clock.now(),
    actor: { kind: 'user', id: userId },
    userId,
    sessionId,
    facts: { by: kind },
    personal: clientInfoOf(caller),
  } as const;
  if (userKey !== undefined) await flow.audit.record(flow.database, event, userKey);
}
