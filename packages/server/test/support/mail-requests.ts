/** The jobs of requested mails: run at once when the application has no workers, else awaited. */
import { type MailRequestDeps, mailRequestHandlers } from '#domain/mail-requests/index.ts';
import type { Application } from './application.ts';
import { countQueued, deleteQueued, handleQueued } from './queued-jobs.ts';
import { eventually } from './wait.ts';

/** Runs the queued mail requests and leaves their jobs, as a worker does that dies before it completes them. */
export async function runMailRequests(flow: MailRequestDeps): Promise<readonly string[]> {
  const handlers = mailRequestHandlers(flow);
  for (const handler of handlers) await handleQueued(flow.database, handler);
  return handlers.map(({ kind }) => kind);
}

/** Runs and completes the queued mail requests, as a worker does. */
export async function completeMailRequests(flow: MailRequestDeps): Promise<void> {
  for (const kind of await runMailRequests(flow)) await deleteQueued(flow.database, kind);
}

/** Waits until every requested mail is enqueued or dropped. */
export async function awaitMailRequests({
  services,
  isManual,
}: Pick<Application, 'services' | 'isManual'>): Promise<void> {
  if (isManual) return completeMailRequests(services);
  const kinds = ['mail_requests.enqueue', 'mail_requests.enqueue_with_return'];
  const countAll = () => Promise.all(kinds.map((kind) => countQueued(services.database, kind)));
  await eventually(async () => (await countAll()).every((count) => count === 0), {
    what: 'every requested mail is enqueued or dropped',
  });
}
