/** The job behind a mail that somebody asked for: done at once where no worker runs, waited for where one does. */
import { askedMailHandler, type PromiseAskedMail } from '#domain/mail-requests/index.ts';
import type { Application } from './application.ts';
import { countQueued, deleteQueued, handleQueued } from './queued-jobs.ts';
import { eventually } from './wait.ts';

type Promising = Omit<PromiseAskedMail, 'onPromised'>;

/** Looks whose address each mail was asked for, and promises it; the jobs stay, as if the worker then died. */
export async function handleAsked(flow: Promising): Promise<string> {
  const handler = askedMailHandler({ ...flow, onPromised: () => undefined });
  await handleQueued(flow.database, handler);
  return handler.kind;
}

/** Does what a worker would. */
export async function promiseAsked(flow: Promising): Promise<void> {
  await deleteQueued(flow.database, await handleAsked(flow));
}

/** Comes back when every mail that was asked for is promised, or refused. */
export async function afterAsking({ services, isQuiet }: Pick<Application, 'services' | 'isQuiet'>): Promise<void> {
  if (isQuiet) return promiseAsked(services);
  await eventually(async () => (await countQueued(services.database, 'asked_mails.promise')) === 0, {
    what: 'it is known who has each address',
  });
}
