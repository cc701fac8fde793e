import type { Revocations } from '#domain/revocations/index.ts';
import type { LastSeen } from '#domain/sessions/index.ts';
import type { SigningKeys } from '#domain/signing-keys/index.ts';
import type { MovableClock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { KeyRing } from '#platform/keys/index.ts';

export interface DevClock {
  readonly clock: MovableClock;
  readonly keys: Pick<KeyRing, 'refresh'>;
  readonly signingKeys: SigningKeys;
  readonly revocations: Revocations;
  readonly lastSeen: LastSeen;
  /** Runs `work` while no job of this process is running, and wakes its workers afterwards. */
  readonly betweenJobs: (work: () => void) => Promise<void>;
}

const maxDays = 3650;
const maxOffsetMs = maxDays * 24 * 60 * 60 * 1000;

/**
 * Moves the clock, then creates due keys, reads the revocation feed and wakes the workers for due jobs.
 * The last-seen times are flushed before, because an unflushed session would appear idle for the whole interval.
 *
 * @throws Problem `validation_failed` when the total offset would exceed ten years.
 */
export async function moveClock(flow: DevClock, advanceMs: number): Promise<void> {
  const { clock, lastSeen, keys, signingKeys, revocations, betweenJobs } = flow;
  await lastSeen.flush();
  // Compares and moves synchronously, so that concurrent requests together respect the limit.
  await betweenJobs(() => {
    if (clock.offsetMs + advanceMs > maxOffsetMs) throw limitExceeded();
    clock.advance(advanceMs);
  });
  await Promise.all([keys.refresh(), signingKeys.refresh(), revocations.read()]);
}

function limitExceeded(): Problem {
  const message = `The clock can be advanced by ${maxDays} days in total. Restart the process to reset it.`;
  return new Problem('validation_failed', { errors: [{ path: '/advance', code: 'too_big', message }] });
}
