/** The end of a login by password: a hash of other parameters is made anew, then everything is written at once. */
import { type Candidate, completeLogin } from '#domain/authentication/index.ts';
import { passwordAssociatedData } from '#domain/passwords/index.ts';
import { type IssuedSession, oneFactorAcr } from '#domain/session-issuance/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Attempt, Login } from './login.ts';

/** Someone whose every factor is proven. `phc` is the hash that matched, `sealedPhc` the bytes that hold it. */
interface Proven {
  readonly candidate: Candidate;
  readonly phc: string;
  readonly sealedPhc: Buffer;
}

/** Writes the session and answers what the transport asks for. */
export async function complete(flow: Login, attempt: Attempt, caller: Caller, proven: Proven): Promise<IssuedSession> {
  const { candidate } = proven;
  const sealed = await rehash(flow, attempt, proven);
  const completed = await completeLogin(flow, flow.database, {
    candidate,
    transport: attempt.transport,
    requester: caller,
    now: flow.clock.now(),
    acr: oneFactorAcr,
    amr: ['pwd'],
    factors: ['pwd'],
    returning: attempt.use.refundParams(),
    resets: candidate.deviceId === undefined ? 'password' : 'password_known_device',
    rehash: { sealed, of: proven.sealedPhc },
  });
  if (completed === undefined) throw new Problem('invalid_credentials', { log: 'the user changed during the login' });
  return completed;
}

/** A hash of other parameters is made anew before the connection is needed; null when it is of today's. */
async function rehash(flow: Login, attempt: Attempt, { phc, candidate }: Proven): Promise<Buffer | null> {
  if (!flow.hashes.isOutdated(phc)) return null;
  const computed = await flow.hashes.recompute(attempt.password, phc);
  return flow.keys.seal('password', computed, passwordAssociatedData(candidate.userId));
}
