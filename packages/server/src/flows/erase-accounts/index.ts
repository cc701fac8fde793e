/**
 * Erasure of accounts after the grace period of their deletion. Owns the jobs `erase.due` and `erase.counters`; no routes
 * and no tables.
 *
 * Invariants:
 * - An erasure deletes the rows of the user and the user key, in one transaction with its audit event. Without the key the
 *   encrypted personal fields of the audit log and of mails are unreadable.
 * - The user's id in the audit log and an HMAC of the subject remain; the HMAC prevents that the subject is issued again.
 *
 * Must not change the audit log, whose events are immutable.
 */
import type { JobHandler, JobSchedule } from '#platform/jobs/index.ts';
import { countersJobKind, deleteCounters, type EraseAccounts, eraseDueAccounts } from './erase-accounts.ts';

export { type EraseAccounts, eraseDueAccounts } from './erase-accounts.ts';

/** The job that erases all due accounts, and the one that deletes late attempt counters of an erased account. */
export function eraseHandlers(flow: EraseAccounts): readonly JobHandler[] {
  return [
    {
      kind: 'erase.due',
      maxAttempts: 3,
      leaseSeconds: 60,
      handle: async (_, signal) => {
        await eraseDueAccounts(flow, signal);
        return { kind: 'done' };
      },
    },
    {
      kind: countersJobKind,
      maxAttempts: 10,
      leaseSeconds: 60,
      handle: async ({ payload }) => {
        await deleteCounters(flow, payload);
        return { kind: 'done' };
      },
    },
  ];
}

/** Every hour, on one node: an account is erased up to an hour after its grace period. */
export const eraseSchedule: JobSchedule = { name: 'erase', kind: 'erase.due', everySeconds: 3600 };
