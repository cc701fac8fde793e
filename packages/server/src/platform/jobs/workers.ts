import { setTimeout as pause } from 'node:timers/promises';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Database } from '#platform/database/index.ts';
import type { Logger, Tracer } from '#platform/telemetry/index.ts';
import { attemptJob } from './attempts.ts';
import type { Job, JobEvent, JobHandler, JobSchedule } from './job.ts';
import { Leases } from './leases.ts';
import { Schedules } from './schedules.ts';

export interface JobWorkersOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly handlers: readonly JobHandler[];
  readonly schedules: readonly JobSchedule[];
  readonly logger: Logger;
  /** Unique for each start of each process: two workers with one id could complete each other's jobs. */
  readonly workerId: string;
  /** Jobs at a time. */
  readonly concurrency: number;
  /** The bound for jobs that other processes enqueue; 1,000 by default. */
  readonly pollMs?: number;
  /** Called after each attempt, for metrics. */
  readonly onAttempt?: (event: JobEvent) => void;
  readonly tracer?: Tracer | undefined;
}

interface Running {
  readonly job: Job;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** Rarer than the search for due jobs, because it reads every job that waits for a retry. */
const leaseCheckMs = 30_000;

/** How long an aborted job may take to end before it is released anyway. */
const settleMs = 1_000;

/** The workers of one process: they claim, run and conclude jobs until they are stopped. */
export class JobWorkers implements AsyncDisposable {
  readonly #options: JobWorkersOptions;
  readonly #handlers: ReadonlyMap<string, JobHandler>;
  readonly #leases: Leases;
  readonly #schedules: Schedules;
  readonly #pollMs: number;
  readonly #running = new Map<string, Running>();
  #loop: Promise<void> | undefined;
  #renewals: NodeJS.Timeout | undefined;
  #stopping = false;
  /** The last claim was filled, so there are probably more jobs. */
  #backlog = false;
  #awake = false;
  #endRest: () => void = () => undefined;
  #failing = false;
  #looking: Promise<void> = Promise.resolve();
  /** The callers of `betweenJobs`, one after the other. */
  #interlude: Promise<void> = Promise.resolve();
  #schedulesCheckedMs = Number.NEGATIVE_INFINITY;
  #leasesCheckedMs = Number.NEGATIVE_INFINITY;

  constructor(options: JobWorkersOptions) {
    const { database: queries, clock, makeId, workerId: worker } = options;
    this.#options = options;
    this.#handlers = new Map(options.handlers.map((handler) => [handler.kind, handler]));
    assert(this.#handlers.size === options.handlers.length, 'two handlers for one kind of job');
    for (const { kind, name } of options.schedules) assert(this.#handlers.has(kind), `schedule ${name} has no handler`);
    this.#pollMs = options.pollMs ?? 1_000;
    this.#leases = new Leases({ queries, clock, worker, handlers: this.#handlers });
    this.#schedules = new Schedules({ queries, clock, makeId }, options.schedules);
  }

  /** The kinds of jobs that have a handler here. */
  get kinds(): readonly string[] {
    return [...this.#handlers.keys()];
  }

  start(): void {
    assert(this.#loop === undefined, 'the workers were started twice');
    this.#loop = this.#work();
    const shortestLease = Math.min(...this.#options.handlers.map((handler) => handler.leaseSeconds));
    // Three chances to renew before a lease ends.
    if (this.#handlers.size > 0) this.#renewals = setInterval(() => void this.#renew(), (shortestLease * 1000) / 3);
  }

  /** Looks for due jobs now. The composition root calls it after commits that enqueue jobs. */
  wake(): void {
    this.#awake = true;
    this.#endRest();
  }

  /**
   * Runs `work` while this process claims nothing and none of its jobs runs, then looks for due jobs. A clock that
   * jumps while a job runs would end its lease, and the job would run a second time.
   */
  betweenJobs(work: () => void): Promise<void> {
    const { promise: freed, resolve: free } = Promise.withResolvers<void>();
    const before = this.#interlude;
    this.#interlude = freed;
    const take = async () => {
      await before;
      await this.#looking;
      await Promise.all([...this.#running.values()].map((running) => running.ended));
      work();
    };
    return take().finally(() => {
      free();
      this.wake();
    });
  }

  /**
   * Claims nothing more and waits for the running jobs. After `graceMs` it aborts them, and releases those that still
   * run: they may run twice, as after a crash of the process.
   */
  async stop(options: { readonly graceMs: number }): Promise<void> {
    this.#stopping = true;
    this.wake();
    await this.#loop;
    await this.#ended(options.graceMs);
    for (const running of this.#running.values()) running.abort.abort();
    await this.#ended(settleMs);
    clearInterval(this.#renewals);
    await this.#releaseRest();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ graceMs: 0 });
  }

  async #work(): Promise<void> {
    while (!this.#stopping) {
      this.#awake = false;
      await this.#interlude;
      this.#looking = this.#look();
      await this.#looking;
      await this.#rest();
    }
  }

  async #look(): Promise<void> {
    try {
      await this.#enqueueScheduled();
      await this.#endFutureLeases();
      await this.#claim();
      if (this.#failing) this.#options.logger.info('jobs can be claimed again');
      this.#failing = false;
    } catch (error) {
      // Logged once: the database can be down for long, and this runs each second.
      if (!this.#failing) this.#options.logger.warn('jobs cannot be claimed', { error });
      this.#failing = true;
    }
  }

  async #enqueueScheduled(): Promise<void> {
    const nowMs = this.#options.clock.now().getTime();
    const ageMs = nowMs - this.#schedulesCheckedMs;
    // A negative age: the clock was moved back.
    if (ageMs >= 0 && ageMs < this.#pollMs) return;
    await this.#schedules.enqueueDue();
    this.#schedulesCheckedMs = nowMs;
  }

  async #endFutureLeases(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#handlers.size === 0 || nowMs - this.#leasesCheckedMs < leaseCheckMs) return;
    const ended = await this.#leases.endFutureLeases();
    this.#leasesCheckedMs = nowMs;
    if (ended > 0)
      this.#options.logger.warn('jobs were held by a node whose clock is ahead', { detail: `${ended} jobs` });
  }

  async #claim(): Promise<void> {
    const free = this.#options.concurrency - this.#running.size;
    if (free === 0 || this.#handlers.size === 0) return;
    const jobs = await this.#leases.claim(free);
    this.#backlog = jobs.length === free;
    for (const job of jobs) this.#run(job);
  }

  #run(job: Job): void {
    const handler = this.#handlers.get(job.kind);
    assert(handler !== undefined, `a job of kind ${job.kind} was claimed without a handler`);
    const { clock, logger, tracer, onAttempt = () => undefined } = this.#options;
    const abort = new AbortController();
    const deps = { leases: this.#leases, clock, logger, onAttempt, tracer };
    const key = `${job.id} ${job.attempt}`;
    const ended = attemptJob(deps, handler, job, abort.signal).then(() => {
      this.#running.delete(key);
      // Wakes at half of the concurrency, so that a long queue is claimed in batches.
      if (this.#backlog && this.#running.size <= this.#options.concurrency / 2) this.wake();
    });
    this.#running.set(key, { job, abort, ended });
  }

  async #rest(): Promise<void> {
    if (this.#awake || this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#pollMs);
      this.#endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #renew(): Promise<void> {
    const held = [...this.#running.values()];
    if (held.length === 0) return;
    try {
      const kept = await this.#leases.renew(held.map((running) => running.job));
      for (const running of held) if (!kept.has(running.job.id)) running.abort.abort();
    } catch (error) {
      this.#options.logger.warn('leases could not be renewed', { error });
    }
  }

  /** Waits until no job runs, for at most this long. */
  async #ended(timeoutMs: number): Promise<void> {
    if (this.#running.size === 0) return;
    const timer = new AbortController();
    const all = Promise.all([...this.#running.values()].map((running) => running.ended));
    await Promise.race([all, pause(timeoutMs, undefined, { signal: timer.signal }).catch(ignoreAbort)]);
    timer.abort();
  }

  async #releaseRest(): Promise<void> {
    const at = this.#options.clock.now();
    for (const { job } of this.#running.values()) {
      await this.#leases.putBack(job, { at, reason: 'released by a worker that stopped', refund: false });
    }
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
