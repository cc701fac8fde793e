/**
 * How a process ends: step by step, each with a limit of its own, so that what is gone (the database, a mail server)
 * takes away its own step and not the end.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { writeBackup } from '#platform/database/index.ts';
import type { HttpServer } from '#platform/http/index.ts';
import type { JobWorkers } from '#platform/jobs/index.ts';
import type { MailTransport } from '#platform/mail/index.ts';
import type { Timers } from './timers.ts';
import type { Services } from './wiring.ts';

/** What runs and has to be ended. */
interface Parts {
  readonly servers: readonly HttpServer[];
  readonly workers: JobWorkers | undefined;
  readonly timers: Timers;
  readonly transport: MailTransport;
}

/** Longer than a statement of a lane may take, and than the wait for a connection that is gone. */
const stepMs = 3000;
/** The database says goodbye within 3 s, or is hung up on. */
const closeMs = 6000;
/** The dump of a database in the data directory depends on nobody else. */
const backupMs = 120_000;

// In this order: no new requests, then no new jobs, then what is in memory is written, then the database is closed.
/** Ends everything. A step that fails or takes too long is logged, and the next one follows; it never rejects. */
export async function stopAll(services: Services, parts: Parts): Promise<void> {
  const { servers, workers, timers, transport } = parts;
  const { opened, clock, logger } = services;
  const graceMs = services.config.http.drainSeconds * 1000;
  const startedMs = clock.monotonicMs();
  const step = async (what: string, limitMs: number, work: () => Promise<unknown>): Promise<void> => {
    const reason = await failureOf(work, limitMs);
    if (reason !== undefined) logger.warn('a step could not be finished before the end', { detail: what, ...reason });
  };
  await step('answering the last requests', graceMs + stepMs, () =>
    Promise.all(servers.map((server) => server.close({ graceMs }))),
  );
  // One time of grace for both: whoever stops us waits for the whole.
  const graceLeftMs = Math.max(0, graceMs - (clock.monotonicMs() - startedMs));
  await step('the last jobs', graceLeftMs + stepMs, async () => workers?.stop({ graceMs: graceLeftMs }));
  await Promise.all([
    step('the periodic tasks', stepMs, () => timers.stop()),
    step('reading revocations', stepMs, () => services.revocations.stop()),
    step('writing when sessions were last used', stepMs, () => services.lastSeen.stop()),
    step('closing the mail connections', stepMs, () => transport.close()),
  ]);
  if (opened.kind === 'embedded') {
    await step('the backup', backupMs, () => writeBackup(opened.database, opened.directory.path, clock.now()));
  }
  await step('closing the database', closeMs, () => services.close());
  logger.flush();
}

/** Why the work did not come to its end in time; undefined when it did. */
async function failureOf(work: () => Promise<unknown>, limitMs: number): Promise<{ error?: unknown } | undefined> {
  const limit = new AbortController();
  const ended = work().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const overdue = pause(limitMs, {}, { signal: limit.signal, ref: true }).catch(() => undefined);
  const reason = await Promise.race([ended, overdue]);
  limit.abort();
  return reason;
}
