import { addSeconds, type Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { type LogFields, type Logger, runInSpan, type Span, type Tracer } from '#platform/telemetry/index.ts';
import { backOffSeconds, defaultBackOff } from './back-off.ts';
import type { Job, JobEvent, JobHandler, JobOutcome } from './job.ts';
import type { Leases } from './leases.ts';

interface AttemptDeps {
  readonly leases: Leases;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onAttempt: (event: JobEvent) => void;
  readonly tracer: Tracer | undefined;
}

/**
 * Runs a claimed job and records its outcome. Never throws: when the outcome cannot be recorded, the job runs again
 * after its lease.
 */
export async function attemptJob(deps: AttemptDeps, handler: JobHandler, job: Job, signal: AbortSignal): Promise<void> {
  const span = deps.tracer?.startJob(job);
  await runInSpan(span, () => attempt(deps, handler, job, signal, span));
}

async function attempt(
  deps: AttemptDeps,
  handler: JobHandler,
  job: Job,
  signal: AbortSignal,
  span: Span | undefined,
): Promise<void> {
  const startedMs = deps.clock.monotonicMs();
  try {
    const outcome = await decide(deps, handler, job, signal);
    const counted = await conclude(deps.leases, job, outcome);
    const milliseconds = deps.clock.monotonicMs() - startedMs;
    const result = counted ? outcome.kind : 'lost';
    deps.onAttempt({ kind: job.kind, outcome: result, milliseconds });
    span?.set({ 'latchkey.outcome': result });
    span?.end(result === 'done' || result === 'wait' ? 'ok' : 'error');
    report(deps.logger, job, outcome, counted);
  } catch (error) {
    deps.logger.error('the end of a job could not be written', { ...fieldsOf(job), error });
    span?.end('error');
  }
}

async function decide(deps: AttemptDeps, handler: JobHandler, job: Job, signal: AbortSignal): Promise<JobOutcome> {
  // The worker of the last attempt died, or its connection was lost before the outcome was recorded.
  if (job.attempt > handler.maxAttempts) return exhaust(handler, job, 'the worker died in the last attempt');
  const outcome = await work(deps, handler, job, signal);
  if (outcome.kind !== 'retry' || job.attempt < handler.maxAttempts) return outcome;
  return exhaust(handler, job, outcome.reason);
}

async function work(deps: AttemptDeps, handler: JobHandler, job: Job, signal: AbortSignal): Promise<JobOutcome> {
  try {
    return await handler.handle(job, signal);
  } catch (error) {
    const now = deps.clock.now();
    if (signal.aborted) return { kind: 'wait', at: now, reason: 'stopped' };
    deps.logger.warn('a job failed', { ...fieldsOf(job), error });
    const at = addSeconds(now, backOffSeconds(defaultBackOff, job.attempt));
    return { kind: 'retry', at, reason: describeError(error) };
  }
}

async function exhaust(handler: JobHandler, job: Job, reason: string): Promise<JobOutcome> {
  await handler.exhausted?.(job);
  return { kind: 'dead', reason };
}

function conclude(leases: Leases, job: Job, outcome: JobOutcome): Promise<boolean> {
  switch (outcome.kind) {
    case 'done':
      return leases.complete(job);
    case 'retry':
      return leases.putBack(job, { at: outcome.at, reason: outcome.reason, refund: false });
    case 'wait':
      return leases.putBack(job, { at: outcome.at, reason: outcome.reason, refund: true });
    case 'dead':
      return leases.bury(job, outcome.reason);
  }
}

function report(logger: Logger, job: Job, outcome: JobOutcome, counted: boolean): void {
  if (!counted) logger.warn('a job had gone to another worker when it ended here', fieldsOf(job));
  else if (outcome.kind === 'dead')
    logger.error('a job became a dead letter', { ...fieldsOf(job), detail: outcome.reason });
}

function fieldsOf(job: Job): LogFields {
  return { job: job.kind, jobId: job.id, attempt: job.attempt };
}

/**
 * The stored form of an error: its kind, never its message, which may quote a secret or an address. The log redacts and
 * has the message.
 */
function describeError(error: unknown): string {
  if (error instanceof Problem) return `Problem ${error.code}`;
  if (!(error instanceof Error)) return 'not an error';
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return `${error.name}${code}`.slice(0, 100);
}
