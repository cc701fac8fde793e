/** The job behind a mail that somebody asked for: done at once where no worker runs, waited for where one does. */
import { askedMailHandler, type PromiseAskedMail } from '#domain/asked-mails/index.ts';
import { statement } from '#platform/database/index.ts';
import type { Application } from './application.ts';
import { eventually } from './wait.ts';

const findAsked = statement('test_asked_mails.find', {
  lane: 'pool',
  sql: `select id, kind, payload, created_at from jobs
    where kind = 'asked_mails.promise' and state = 'queued' order by id`,
  params: {},
  columns: { id: 'uuid', kind: 'text', payload: 'jsonb', createdAt: 'timestamptz' },
});

const deleteJob = statement('test_asked_mails.delete', {
  lane: 'pool',
  sql: `delete from jobs where id = :id`,
  params: { id: 'uuid' },
  columns: {},
});

type Promising = Omit<PromiseAskedMail, 'onPromised'>;

/** Looks whose address each mail was asked for, and promises it; the jobs stay, as if the worker then died. */
export async function handleAsked(flow: Promising): Promise<readonly string[]> {
  const handler = askedMailHandler({ ...flow, onPromised: () => undefined });
  const jobs = await flow.database.rows(findAsked, {});
  for (const job of jobs) await handler.handle({ ...job, attempt: 1 }, new AbortController().signal);
  return jobs.map(({ id }) => id);
}

/** Does what a worker would. */
export async function promiseAsked(flow: Promising): Promise<void> {
  for (const id of await handleAsked(flow)) await flow.database.run(deleteJob, { id });
}

/** Comes back when every mail that was asked for is promised, or refused. */
export async function afterAsking({ services, isQuiet }: Pick<Application, 'services' | 'isQuiet'>): Promise<void> {
  if (isQuiet) return promiseAsked(services);
  await eventually(async () => (await services.database.rows(findAsked, {})).length === 0, {
    what: 'it is known who has each address',
  });
}
