/**
 * The sweep: deletes expired rows of every table that grows by use, in batches. Owns the job `sweep.expired`; no routes and
 * no tables. Each domain module decides which of its rows have expired; this flow only calls them.
 */
import { deleteUnknownAttempts } from '#domain/attempts/index.ts';
import { deleteExpiredTickets } from '#domain/authentication/index.ts';
import { deleteExpiredDevices } from '#domain/devices/index.ts';
import { deleteExpiredPendingIdentities, deleteExpiredProviderLogins } from '#domain/federated-identities/index.ts';
import { deleteHeldIdentifiers } from '#domain/identifiers/index.ts';
import { deleteExpiredInvitations } from '#domain/invitations/index.ts';
import { deleteFinishedMails } from '#domain/mail-ledger/index.ts';
import { deleteExpiredTokens } from '#domain/one-time-tokens/index.ts';
import { deleteExpiredRefreshTokens } from '#domain/refresh-tokens/index.ts';
import { deleteExpiredApplicantKeys } from '#domain/registrations/index.ts';
import type { Revocations } from '#domain/revocations/index.ts';
import { deleteEndedSessions, deleteExpiredSessions, IdleSessions } from '#domain/sessions/index.ts';
import { deletePendingTotp } from '#domain/totp/index.ts';
import { deleteExpiredNonces } from '#domain/used-nonces/index.ts';
import { deleteAbandonedUsers } from '#domain/users/index.ts';
import { type Batch, runInBatches } from '#kernel/batches.ts';
import type { Clock } from '#kernel/clock.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';
import { type JobHandler, type JobSchedule, sweepDeadLetters } from '#platform/jobs/index.ts';
import { destroyMonthKeys } from '#platform/keys/index.ts';
import { deleteEndedWindows } from '#platform/rate-limit/index.ts';

export interface Sweep {
  readonly database: Database;
  readonly clock: Clock;
  readonly revocations: Revocations;
}

const deadLetterRetentionSeconds = 30 * 24 * 60 * 60;

/** Rows that one statement deletes; those of users delete many others with them. */
const batchSize = 5000;
const usersBatchSize = 500;
/** No index leads to idle sessions, so that a run reads at most 100,000 sessions. */
const maxIdleSteps = 20;

/** One kind of expired rows. */
interface ExpiredRows {
  readonly table: string;
  readonly deleteBatch: (batch: Batch) => Promise<number>;
  readonly size?: number;
  readonly maxSteps?: number;
}

/**
 * Sweeps one table after another in batches. A row whose deletion fails stops neither the others nor the other tables; the
 * job fails at the end, and runs again.
 */
export function sweepHandler(flow: Sweep): JobHandler {
  const tables = expiredRowsOf(flow);
  return {
    kind: 'sweep.expired',
    maxAttempts: 3,
    leaseSeconds: 60,
    handle: async (_, signal) => {
      const failed: { table: string; errors: readonly unknown[] }[] = [];
      for (const { table, deleteBatch, size = batchSize, maxSteps } of tables) {
        const { errors } = await runInBatches(deleteBatch, { size, signal, ...(maxSteps && { maxSteps }) });
        if (errors.length > 0) failed.push({ table, errors });
      }
      if (failed.length > 0) throw failureOf(failed);
      return { kind: 'done' };
    },
  };
}

/** The error of the row that failed, or of all of them together. */
function failureOf(failed: readonly { readonly table: string; readonly errors: readonly unknown[] }[]): unknown {
  const all = failed.flatMap(({ errors }) => errors);
  if (all.length === 1) return all[0];
  const tables = failed.map(({ table, errors }) => `${table}: ${errors.length}`).join(', ');
  return new AggregateError(all, `expired rows could not be deleted: ${tables}`);
}

/** Every ten minutes, on one node. */
export const sweepSchedule: JobSchedule = { name: 'sweep', kind: 'sweep.expired', everySeconds: 600 };

function expiredRowsOf({ database, clock, revocations }: Sweep): readonly ExpiredRows[] {
  const idleSessions = new IdleSessions(database);
  const now = () => clock.now();
  const deadBefore = () => addSeconds(now(), -deadLetterRetentionSeconds);
  return [
    { table: 'revocations', deleteBatch: (batch) => revocations.deleteExpired(batch) },
    { table: 'rate_limit_counters', deleteBatch: (batch) => deleteEndedWindows(database, now(), batch) },
    { table: 'attempt_counters', deleteBatch: (batch) => deleteUnknownAttempts(database, now(), batch) },
    { table: 'refresh_tokens', deleteBatch: (batch) => deleteExpiredRefreshTokens(database, now(), batch) },
    { table: 'sessions', deleteBatch: (batch) => deleteEndedSessions(database, now(), batch) },
    { table: 'sessions', deleteBatch: (batch) => deleteExpiredSessions(database, now(), batch) },
    { table: 'sessions', deleteBatch: (batch) => idleSessions.deleteSome(now(), batch), maxSteps: maxIdleSteps },
    { table: 'devices', deleteBatch: (batch) => deleteExpiredDevices(database, now(), batch) },
    { table: 'logins', deleteBatch: (batch) => deleteExpiredTickets(database, now(), batch) },
    { table: 'totp_secrets', deleteBatch: (batch) => deletePendingTotp(database, now(), batch) },
    { table: 'used_nonces', deleteBatch: (batch) => deleteExpiredNonces(database, now(), batch) },
    { table: 'provider_logins', deleteBatch: (batch) => deleteExpiredProviderLogins(database, now(), batch) },
    { table: 'pending_identities', deleteBatch: (batch) => deleteExpiredPendingIdentities(database, now(), batch) },
    { table: 'one_time_tokens', deleteBatch: (batch) => deleteExpiredTokens(database, now(), batch) },
    { table: 'invitations', deleteBatch: (batch) => deleteExpiredInvitations(database, now(), batch) },
    { table: 'applicant_keys', deleteBatch: (batch) => deleteExpiredApplicantKeys(database, now(), batch) },
    { table: 'data_keys', deleteBatch: () => destroyMonthKeys(database, now()) },
    { table: 'identifiers', deleteBatch: (batch) => deleteHeldIdentifiers(database, now(), batch) },
    {
      table: 'users',
      deleteBatch: (batch) => deleteAbandonedUsers(database, now(), batch),
      size: usersBatchSize,
    },
    { table: 'mail_ledger', deleteBatch: (batch) => deleteFinishedMails(database, now(), batch) },
    { table: 'jobs', deleteBatch: (batch) => sweepDeadLetters(database, deadBefore(), batch) },
  ];
}
