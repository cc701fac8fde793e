/** The jobs of requested mails: run at once when the application has no workers, else awaited. */
import { type MailRequestDeps, mailRequestHandler } from '#domain/mail-requests/index.ts';
import type { Application } from './application.ts';
import { countQueued, deleteQueued, handleQueued } from './queued-jobs.ts';
import { eventually } from './wait.ts';

/** Runs the queued mail requests and leaves their jobs, as a worker does that dies before it completes them. */
export async function runMailRequests(flow: MailRequestDeps): Promise<string> {
  const handler = mailRequestHandler(flow);
  await handleQueued(flow.database, handler);
  return handler.kind;
}

/** Runs and completes the queued mail requests, as a worker does. */
export async function completeMailRequests(flow: MailRequestDeps): Promise<void> {
  await deleteQueued(flow.database, await runMailRequests(flow));
}

/** Waits until every requested mail is enqueued or dropped. */
export async function awaitMailRequests({
  services,
  isManual,
}: Pick<Application, 'services' | 'isManual'>): Promise<void> {
  if (isManual) return completeMailRequests(services);
  await eventually(async () => (await countQueued(services.database, 'mail_requests.enqueue')) === 0, {
    what: 'every requested mail is enqueued or dropped',
  });
}
