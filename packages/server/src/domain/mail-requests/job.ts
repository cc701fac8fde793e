/** The job behind it. Link, mail and event bear its id or depend on them: done again after a crash, it does nothing. */
import type { JobHandler } from '#platform/jobs/index.ts';
import type { Promising } from './deps.ts';
import { promiseEntrance } from './login-and-reset.ts';
import { openAsked } from './payload.ts';
import { askedMailKind } from './request.ts';
import { promiseVerification } from './verification.ts';

/** What promising needs. */
export interface PromiseAskedMail extends Promising {
  /** Called when a mail was promised, to wake this process's own worker. */
  readonly onPromised: () => void;
}

/** Promises the mails that were asked for. */
export function askedMailHandler(deps: PromiseAskedMail): JobHandler {
  return {
    kind: askedMailKind,
    maxAttempts: 10,
    leaseSeconds: 15,
    handle: async (job) => {
      const asked = openAsked(deps.keys, job.id, job.payload);
      const isPromised = await (asked.purpose === 'verify_email'
        ? promiseVerification(deps, asked, job)
        : promiseEntrance(deps, asked, job));
      if (isPromised) deps.onPromised();
      return { kind: 'done' };
    },
  };
}
