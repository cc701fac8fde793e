/** Moving the clock of this process, and all that would have happened meanwhile. */
import type { Revocations } from '#domain/revocations/index.ts';
import type { LastSeen } from '#domain/sessions/index.ts';
import type { SigningKeys } from '#domain/signing-keys/index.ts';
import type { MovableClock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { KeyRing } from '#platform/keys/index.ts';

/** What moving time needs. */
export interface DevClock {
  readonly clock: MovableClock;
  readonly keys: Pick<KeyRing, 'refresh'>;
  readonly signingKeys: SigningKeys;
  readonly revocations: Revocations;
  readonly lastSeen: LastSeen;
  /** Runs `work` while no job of this process runs, and wakes its workers afterwards. */
  readonly betweenJobs: (work: () => void) => Promise<void>;
}

const maxDays = 3650;
const maxOffsetMs = maxDays * 24 * 60 * 60 * 1000;

/**
 * Moves the clock and catches up: keys that are due are made, endings are read, and what is scheduled runs.
 * A session that was used is written down first, or it would look idle for the whole jump.
 */
export async function moveClock(flow: DevClock, advanceMs: number): Promise<void> {
  const { clock, lastSeen, keys, signingKeys, revocations, betweenJobs } = flow;
  await lastSeen.flush();
  // Asked and moved without a pause between, so that two at once keep to the bound.
  await betweenJobs(() => {
    if (clock.offsetMs + advanceMs > maxOffsetMs) throw tooFar();
    clock.advance(advanceMs);
  });
  await Promise.all([keys.refresh(), signingKeys.refresh(), revocations.read()]);
}

function tooFar(): Problem {
  const message = `Time can be moved by ${maxDays} days in all; start the process again to come back.`;
  return new Problem('validation_failed', { errors: [{ path: '/advance', code: 'too_big', message }] });
}
