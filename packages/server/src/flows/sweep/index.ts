/**
 * The sweep: deletes expired rows of every table that grows by use, in batches. Owns the job `sweep.expired`; no routes and
 * no tables. Each domain module decides which of its rows have expired; this flow only calls them.
 */
import { deleteUnknownAttempts } from '#domain/attempts/index.ts';
import { deleteExpiredTickets } from '#domain/authentication/index.ts';
import { deleteExpiredDevices } from '#domain/devices/index.ts';
import { deleteHeldIdentifiers } from '#domain/identifiers/index.ts';
import { deleteExpiredInvitations } from '#domain/invitations/index.ts';
import { deleteFinishedMails } from '#domain/mail-ledger/index.ts';
import { deleteExpiredTokens } from '#domain/one-time-tokens/index.ts';
import { deleteExpiredRefreshTokens } from '#domain/refresh-tokens/index.ts';
import type { Revocations } from '#domain/revocations/index.ts';
import { deleteEndedSessions, IdleSessions } from '#domain/sessions/index.ts';
import { deleteAbandonedUsers } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';
import { type JobHandler, type JobSchedule, sweepDeadLetters } from '#platform/jobs/index.ts';
import { deleteEndedWindows } from '#platform/rate-limit/index.ts';

export interface Sweep {
  readonly database: Database;
  readonly clock: Clock;
  readonly revocations: Revocations;
}

const deadLetterRetentionSeconds = 30 * 24 * 60 * 60;
const deadLetterBatch = 1000;

/** Sweeps one table after another, each in batches until none is left. */
export function sweepHandler(flow: Sweep): JobHandler {
  const sweeps = sweepsOf(flow);
  return {
    kind: 'sweep.expired',
    maxAttempts: 3,
    leaseSeconds: 60,
    handle: async (_, signal) => {
      for (const sweep of sweeps) await untilEmpty(sweep, signal);
      return { kind: 'done' };
    },
  };
}

/** Every ten minutes, on one node. */
export const sweepSchedule: JobSchedule = { name: 'sweep', kind: 'sweep.expired', everySeconds: 600 };

function sweepsOf({ database, clock, revocations }: Sweep): (() => Promise<number>)[] {
  const idleSessions = new IdleSessions(database);
  return [
    () => revocations.deleteExpired(),
    () => deleteEndedWindows(database, clock.now()),
    () => deleteUnknownAttempts(database, clock.now()),
    () => deleteExpiredRefreshTokens(database, clock.now()),
    () => deleteEndedSessions(database, clock.now()),
    () => idleSessions.deleteSome(clock.now()),
    () => deleteExpiredDevices(database, clock.now()),
    () => deleteExpiredTickets(database, clock.now()),
    () => deleteExpiredTokens(database, clock.now()),
    () => deleteExpiredInvitations(database, clock.now()),
    () => deleteHeldIdentifiers(database, clock.now()),
    () => deleteAbandonedUsers(database, clock.now()),
    () => deleteFinishedMails(database, clock.now()),
    () => sweepDeadLetters(database, addSeconds(clock.now(), -deadLetterRetentionSeconds), deadLetterBatch),
  ];
}

async function untilEmpty(sweep: () => Promise<number>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await sweep()) > 0);
}
