/** The job behind a mail that somebody asked for: done at once where no worker runs, waited for where one does. */
import { type MailRequestJob, mailRequestHandler } from '#domain/mail-requests/index.ts';
import type { Application } from './application.ts';
import { countQueued, deleteQueued, handleQueued } from './queued-jobs.ts';
import { eventually } from './wait.ts';

type MailRequestDeps = Omit<MailRequestJob, 'onEnqueued'>;

/** Looks whose address each mail was asked for, and promises it; the jobs stay, as if the worker then died. */
export async function runMailRequests(flow: MailRequestDeps): Promise<string> {
  const handler = mailRequestHandler({ ...flow, onEnqueued: () => undefined });
  await handleQueued(flow.database, handler);
  return handler.kind;
}

/** Does what a worker would. */
export async function completeMailRequests(flow: MailRequestDeps): Promise<void> {
  await deleteQueued(flow.database, await runMailRequests(flow));
}

/** Comes back when every mail that was asked for is promised, or refused. */
export async function awaitMailRequests({
  services,
  isManual,
}: Pick<Application, 'services' | 'isManual'>): Promise<void> {
  if (isManual) return completeMailRequests(services);
  await eventually(async () => (await countQueued(services.database, 'mail_requests.enqueue')) === 0, {
    what: 'it is known who has each address',
  });
}
