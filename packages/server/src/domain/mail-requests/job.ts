/** The job behind it. Link, mail and event bear its id or depend on them: done again after a crash, it does nothing. */
import type { JobHandler } from '#platform/jobs/index.ts';
import type { MailRequestDeps } from './deps.ts';
import { enqueueLoginOrResetMail } from './login-and-reset.ts';
import { openMailRequest } from './payload.ts';
import { mailRequestKind } from './request.ts';
import { enqueueVerificationMail } from './verification.ts';

/** What promising needs. */
export interface MailRequestJob extends MailRequestDeps {
  /** Called when a mail was promised, to wake this process's own worker. */
  readonly onEnqueued: () => void;
}

/** Promises the mails that were asked for. */
export function mailRequestHandler(deps: MailRequestJob): JobHandler {
  return {
    kind: mailRequestKind,
    maxAttempts: 10,
    leaseSeconds: 15,
    handle: async (job) => {
      const asked = openMailRequest(deps.keys, job.id, job.payload);
      const isQueued = await (asked.purpose === 'verify_email'
        ? enqueueVerificationMail(deps, asked, job)
        : enqueueLoginOrResetMail(deps, asked, job));
      if (isQueued) deps.onEnqueued();
      return { kind: 'done' };
    },
  };
}
