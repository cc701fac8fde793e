/** The job behind it. Link, mail and event bear its id or depend on them: done again after a crash, it does nothing. */
import type { JobHandler } from '#platform/jobs/index.ts';
import type { MailRequestDeps } from './deps.ts';
import { enqueueLoginOrResetMail } from './login-and-reset.ts';
import { openMailRequest } from './payload.ts';
import { mailRequestKind } from './request.ts';
import { enqueueVerificationMail } from './verification.ts';

/** Promises the mails that were asked for. */
export function mailRequestHandler(deps: MailRequestDeps): JobHandler {
  return {
    kind: mailRequestKind,
    maxAttempts: 10,
    leaseSeconds: 15,
    handle: async (job) => {
      const asked = openMailRequest(deps.keys, job.id, job.payload);
      if (asked.purpose === 'verify_email') await enqueueVerificationMail(deps, asked, job);
      else await enqueueLoginOrResetMail(deps, asked, job);
      return { kind: 'done' };
    },
  };
}
