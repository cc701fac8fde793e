/** The list of background work: every kind of job, and every schedule. */

import { partitionHandler, partitionSchedule } from '#domain/audit/index.ts';
import { mailHandler } from '#domain/mail-ledger/index.ts';
import { mailRequestHandlers } from '#domain/mail-requests/index.ts';
import { eraseHandlers, eraseSchedule } from '#flows/erase-accounts/index.ts';
import { failedLoginNoticeHandler } from '#flows/login/index.ts';
import { maintenanceHandler, maintenanceSchedule } from '#flows/maintain-embedded/index.ts';
import { sweepHandler, sweepSchedule } from '#flows/sweep/index.ts';
import { JobWorkers } from '#platform/jobs/index.ts';
import type { MailTransport } from '#platform/mail/index.ts';
import { faultPoint } from './fault-point.ts';
import { mailThemeOf } from './mail-theme.ts';
import type { Services } from './wiring.ts';

export function buildWorkers(services: Services, transport: MailTransport): JobWorkers {
  const { database, clock, keys, metrics, tracer, tokens, config, makeId, logger, opened, catalogues, limits } =
    services;
  const mail = mailHandler({
    database,
    clock,
    keys,
    makeId,
    mail: services.mail,
    limits,
    transport,
    catalogues,
    from: config.mail.from,
    theme: mailThemeOf(config.brand.theme),
    publicUrl: config.http.publicUrl,
    computeSecret: (tokenId, purpose, keyId) => tokens.secret(tokenId, purpose, keyId),
    onProcessed: (type, status) => metrics.count('email_jobs_processed_total', { type, status }),
    onDelivered: (seconds) => metrics.observe('mail_delivery_seconds', {}, seconds),
    faultPoint: faultPoint(config.faultPoint),
  });
  const embedded = opened.kind === 'embedded' ? { ...opened, clock } : undefined;
  const workers = new JobWorkers({
    database,
    clock,
    makeId,
    logger,
    workerId: makeId(),
    concurrency: config.jobs.concurrency,
    tracer,
    onAttempt: ({ kind, outcome, milliseconds }) =>
      metrics.observe('job_duration_seconds', { kind, outcome }, milliseconds / 1000),
    handlers: [
      mail,
      sweepHandler(services),
      partitionHandler(services),
      failedLoginNoticeHandler(services),
      ...mailRequestHandlers(services),
      ...eraseHandlers(services),
      ...(embedded ? [maintenanceHandler(embedded)] : []),
    ],
    schedules: [sweepSchedule, eraseSchedule, partitionSchedule, ...(embedded ? [maintenanceSchedule] : [])],
  });
  services.afterCommit.wake(workers);
  return workers;
}
