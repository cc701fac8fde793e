import type { JobHandler } from '#platform/jobs/index.ts';
import type { MailRequestDeps } from './deps.ts';
import { enqueueLoginOrResetMail } from './login-and-reset.ts';
import { openMailRequest } from './payload.ts';
import { mailRequestKind, returningMailRequestKind } from './request.ts';
import { enqueueVerificationMail } from './verification.ts';

/** Enqueues the requested mails. Idempotent: link, mail and event have the job's id or depend on a row that has it. */
export function mailRequestHandlers(deps: MailRequestDeps): readonly JobHandler[] {
  return [mailRequestKind, returningMailRequestKind].map((kind) => handlerOf(deps, kind));
}

function handlerOf(deps: MailRequestDeps, kind: string): JobHandler {
  return {
    kind,
    maxAttempts: 10,
    leaseSeconds: 15,
    handle: async (job) => {
      const request = openMailRequest(deps.keys, job.id, job.payload);
      if (request.purpose === 'verify_email') await enqueueVerificationMail(deps, request, job);
      else await enqueueLoginOrResetMail(deps, request, job);
      return { kind: 'done' };
    },
  };
}
