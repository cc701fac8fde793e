/** Step-up: a live session proves its user again, and goes on under a new id with new secrets (RFC 9470). */
import { resetFailedAttempts } from '#domain/attempts/index.ts';
import { findActing, type IssuedSession, renewSession } from '#domain/session-issuance/index.ts';
import { endSession } from '#domain/sessions/index.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import { type Candidate, findCandidate } from './candidate.ts';
import { consumeProof, reportRecoveryCode } from './complete.ts';
import type { LoginGate, SecondProof } from './decide.ts';
import { type SecondFactorKind, secondFactorsOf } from './next-step.ts';
import { contextWithProof, type Proof, type ProofName } from './proofs.ts';
import { reportingStuckCounter } from './stuck-counter.ts';

/** A proof that a session can present; a password was compared by `provePassword`, which counted the attempt. */
export type StepUpProof = SecondProof | Proof<'mailbox_code'> | { readonly by: 'password'; readonly userId: string };

/** The session that steps up. */
export interface SteppingUp {
  readonly userId: string;
  readonly sessionId: string;
}

/** A kind of proof that a session can present. */
export type StepUpFactor = SecondFactorKind | 'password' | 'mailbox_code';

/**
 * The proofs that a step-up of this user accepts: the second factors where there is one, and nothing less; else the
 * password; else a code that is mailed to the verified address. While two factors are off, a passkey takes the place of
 * neither: a browser may have made it by itself, on another device. A user with none of them logs in again, which counts as
 * a step-up.
 */
export function stepUpFactors(candidate: Candidate): readonly StepUpFactor[] {
  const second = secondFactorsOf(candidate);
  const isRequired = candidate.mfaEnabled || second.some((factor) => factor !== 'passkey');
  if (isRequired && second.length > 0) return second;
  if (candidate.sealedPhc !== undefined) return [...second, 'password'];
  return candidate.emailVerified ? [...second, 'mailbox_code'] : second;
}

function accepts(candidate: Candidate, by: ProofName): boolean {
  return stepUpFactors(candidate).some((factor) => factor === by);
}

/**
 * Renews a session by a proof, which must be of its user. In one transaction: lock the user, read the facts, consume the
 * proof, end the session and insert the one that continues it.
 *
 * @throws Problem `not_authenticated` when the session has ended; `login_incomplete` for a proof that does not suffice; the
 * refusal of the proof when it was used before.
 */
export async function stepUp(
  gate: LoginGate,
  { userId, sessionId }: SteppingUp,
  proof: StepUpProof,
  requester: Requester,
): Promise<IssuedSession> {
  if (proof.userId !== userId) throw new Problem('not_authenticated');
  const work = async (tx: Queries) => {
    const now = gate.clock.now();
    await gate.users.lock(tx, userId);
    const found = await findCandidate(tx, { userId, now });
    const acting = await findActing(tx, { userId, sessionId }, now);
    if (found === undefined || acting === undefined) throw new Problem('not_authenticated');
    if (!accepts(found, proof.by)) throw new Problem('login_incomplete');
    // A session counts its guesses as a known device does: who has none cannot exhaust them.
    const candidate = { ...found, deviceId: acting.deviceId ?? sessionId };
    if (proof.by === 'password') await resetFailedAttempts(tx, userId, 'password_known_device');
    else await consumeProof(gate, tx, { proof, candidate, requester, now }, false);
    if (proof.by === 'recovery_code') await reportRecoveryCode(gate, tx, { candidate, requester, now });
    const userKey = gate.keys.unwrapUserKey(userId, candidate.wrapped);
    const { authEpoch } = candidate;
    const context = contextWithProof(acting, proof, now);
    const issued = await renewSession(gate, tx, acting, { context, authEpoch, requester, userKey, now });
    const event = {
      action: 'session.stepped_up',
      at: now,
      actor: { kind: 'user', id: userId },
      userId,
      sessionId,
      facts: { by: proof.by, continuedAs: issued.sessionId },
      personal: clientInfoOf(requester),
    } as const;
    await endSession(tx, sessionId, { userId, reason: 'renewed', now }, gate.audit.values(event, userKey));
    return issued;
  };
  return reportingStuckCounter(gate, proof, requester, () => gate.database.transaction(work));
}
