/**
 * Erasing accounts whose grace period is over. Owns the jobs `erase.due` and `erase.counters`.
 * The user's rows and key go, so that what the audit log and an old mail hold of them can never be read again; the log
 * itself is not touched. What stays: the user's id in the log, and an HMAC of the subject, which nobody may have again.
 */
import type { JobHandler, JobSchedule } from '#platform/jobs/index.ts';
import { type EraseAccounts, eraseDueAccounts, forgetCounters, forgetKind } from './erase-accounts.ts';

export { type EraseAccounts, eraseDueAccounts } from './erase-accounts.ts';

/** One job erases all that are due; one for each erased account looks once more for what came too late to be found. */
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
      kind: forgetKind,
      maxAttempts: 10,
      leaseSeconds: 60,
      handle: async ({ payload }) => {
        await forgetCounters(flow, payload);
        return { kind: 'done' };
      },
    },
  ];
}

/** Every hour on one node of all: an account may live that much longer than its grace. */
export const eraseSchedule: JobSchedule = { name: 'erase', kind: 'erase.due', everySeconds: 3600 };
