/** The proof of an operation that changes what protects an account: a recent authentication, or the current password. */
import { type ProvePassword, provePassword } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import { findCandidate } from './candidate.ts';
import { stepUpFactors } from './step-up.ts';

/** Dependencies of the check. */
export interface RecentProofDeps extends ProvePassword {
  /** How old an authentication may be. */
  readonly stepUpSeconds: number;
}

/**
 * Decides what the page of such an operation asks for, before it is opened: the current password, of a user who has one.
 *
 * @throws Problem `step_up_required` where that would not be enough, as `requireRecentProof`.
 */
export async function asksForPassword(
  deps: Pick<RecentProofDeps, 'database' | 'clock' | 'stepUpSeconds'>,
  { userId, authTime }: ProvingSession,
): Promise<boolean> {
  const now = deps.clock.now();
  const candidate = await findCandidate(deps.database, { userId, now });
  if (candidate === undefined) throw new Problem('not_authenticated', { log: 'the user was erased' });
  const isRecent = (now.getTime() - authTime.getTime()) / 1000 <= deps.stepUpSeconds;
  if (!isRecent && !stepUpFactors(candidate).includes('password'))
    throw new Problem('step_up_required', { maxAgeSeconds: deps.stepUpSeconds });
  return candidate.sealedPhc !== undefined;
}

/** The session that requests the operation. */
export interface ProvingSession {
  readonly userId: string;
  readonly authTime: Date;
}

/**
 * `recent`: the session authenticated a short time ago. `password`: the request has the current password, and the caller
 * resets its counter in the transaction of the effect.
 */
export type RecentProof = 'recent' | 'password' | 'wrong_password';

/**
 * Requires a recent authentication of the session, or the current password of a user who has nothing stronger. A password
 * that is sent is compared in every case. The facts are read outside the transaction of the effect: a second factor that
 * is set up meanwhile raises the epoch and ends the session, which the transaction finds.
 *
 * @throws Problem `step_up_required` (RFC 9470) without either, and for the password of a user with a second factor;
 * `not_authenticated` for a user who was erased; as `provePassword`.
 */
export async function requireRecentProof(
  deps: RecentProofDeps,
  { userId, authTime }: ProvingSession,
  currentPassword: string | undefined,
): Promise<RecentProof> {
  const now = deps.clock.now();
  const isRecent = (now.getTime() - authTime.getTime()) / 1000 <= deps.stepUpSeconds;
  if (!isRecent) {
    const candidate = await findCandidate(deps.database, { userId, now });
    if (candidate === undefined) throw new Problem('not_authenticated', { log: 'the user was erased' });
    const isEnough = currentPassword !== undefined && stepUpFactors(candidate).includes('password');
    if (!isEnough) throw new Problem('step_up_required', { maxAgeSeconds: deps.stepUpSeconds });
  }
  if (currentPassword === undefined) return 'recent';
  return (await provePassword(deps, userId, currentPassword)) ? 'password' : 'wrong_password';
}
