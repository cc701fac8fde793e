/**
 * The shutdown of a process, in steps with a time limit each, so that an unreachable database or mail server delays only
 * its own step.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { writeBackup } from '#platform/database/index.ts';
import type { HttpServer } from '#platform/http/index.ts';
import type { JobWorkers } from '#platform/jobs/index.ts';
import type { MailTransport } from '#platform/mail/index.ts';
import type { Timers } from './timers.ts';
import type { Services } from './wiring.ts';

/** The running parts, besides the services, that must be stopped. */
interface Parts {
  readonly servers: readonly HttpServer[];
  readonly workers: JobWorkers | undefined;
  readonly timers: Timers;
  readonly transport: MailTransport;
}

/** Longer than the timeouts of a lane's statement and of a lost connection. */
const stepMs = 3000;
/** Longer than the 3 s after which the database drops a connection that does not close. */
const closeMs = 6000;
/** The dump of the embedded database needs no external service, so it may take long. */
const backupMs = 120_000;

/**
 * Stops everything in order: no new requests, no new jobs, pending writes, database. A step that fails or times out is
 * logged, and the next one runs. Never rejects.
 */
export async function stopAll(services: Services, parts: Parts): Promise<void> {
  const { servers, workers, timers, transport } = parts;
  const { opened, clock, logger } = services;
  const graceMs = services.config.http.drainSeconds * 1000;
  const startedMs = clock.monotonicMs();
  const step = async (name: string, limitMs: number, work: () => Promise<unknown>): Promise<void> => {
    const reason = await failureOf(work, limitMs);
    if (reason !== undefined) logger.warn('a shutdown step failed or timed out', { detail: name, ...reason });
  };
  await step('finishing open requests', graceMs + stepMs, () =>
    Promise.all(servers.map((server) => server.close({ graceMs }))),
  );
  // Requests and jobs share the grace period, because the service manager waits for both together.
  const graceLeftMs = Math.max(0, graceMs - (clock.monotonicMs() - startedMs));
  await step('finishing jobs', graceLeftMs + stepMs, async () => workers?.stop({ graceMs: graceLeftMs }));
  await Promise.all([
    step('stopping timers', stepMs, () => timers.stop()),
    step('stopping the revocation feed', stepMs, () => services.revocations.stop()),
    step('writing last-seen times', stepMs, () => services.lastSeen.stop()),
    step('closing mail connections', stepMs, () => transport.close()),
  ]);
  if (opened.kind === 'embedded') {
    await step('writing the backup', backupMs, () => writeBackup(opened.database, opened.directory.path, clock.now()));
  }
  await step('closing the database', closeMs, () => services.close());
  logger.flush();
}

/** Returns undefined when the work succeeds in time; otherwise an object with the error, or without one after a timeout. */
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
