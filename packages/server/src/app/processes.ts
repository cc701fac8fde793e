/**
 * `serve --processes N`: a parent that holds nothing, and N processes that share the public port and nothing else.
 * They are nodes like any others: what makes several machines correct makes several processes correct.
 */
import cluster, { type Worker } from 'node:cluster';
import type { Config } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import { OperatorError } from './operator-error.ts';
import { firstSignal } from './signals.ts';

/** A process that dies sooner after its start is started again later and later. */
const soundAfterMs = 10_000;
const maxRestMs = 30_000;

/** Whether this is the parent's command line and not a process that it started. */
export function isParent(): boolean {
  return cluster.isPrimary;
}

/** The one that speaks for all: the only process, or the first that the parent started. */
export function isFirstProcess(): boolean {
  return cluster.worker === undefined || cluster.worker.id === 1;
}

/** Lets go of the parent, whose channel would keep this process alive; nothing when there is none. */
export function leaveParent(): void {
  cluster.worker?.disconnect();
}

/** Runs N serving processes until a signal; starts again what dies. Answers the exit code. */
export async function superviseProcesses(count: number, config: Config): Promise<number> {
  refuseUnshareable(config);
  // Each process accepts by itself: a connection that the parent hands to one that just died would wait for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const signal = firstSignal();
  const supervisor = new Supervisor(config, count);
  const unusable = supervisor.start();
  const outcome = await Promise.race([signal.received.then(() => 0), unusable]);
  await supervisor.stop();
  signal.forget();
  return outcome;
}

function refuseUnshareable(config: Config): void {
  if (config.database.kind === 'embedded') {
    throw new OperatorError('--processes needs DATABASE_URL: the embedded database belongs to one process.', 78);
  }
  if (config.mail.smtpUrl === undefined) {
    throw new OperatorError('--processes needs SMTP_URL: the built-in inbox belongs to one process.', 78);
  }
}

class Supervisor {
  readonly #config: Config;
  readonly #count: number;
  readonly #workers = new Map<number, Worker>();
  readonly #rests = new Set<NodeJS.Timeout>();
  #stopping = false;

  constructor(config: Config, count: number) {
    this.#config = config;
    this.#count = count;
  }

  /** Starts all; fulfilled with the exit code of one that says that it cannot work (78), and else never. */
  start(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    for (let place = 0; place < this.#count; place += 1) this.#keep(place, 0, resolve);
    return promise;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const rest of this.#rests) clearTimeout(rest);
    const ended = [...this.#workers.values()].map(
      (worker) => new Promise<void>((resolve) => worker.process.once('exit', () => resolve())),
    );
    for (const worker of this.#workers.values()) worker.process.kill('SIGTERM');
    await Promise.all(ended);
  }

  #keep(place: number, restMs: number, giveUp: (exitCode: number) => void): void {
    const startedMs = systemClock.monotonicMs();
    const worker = cluster.fork(this.#settingsOf(place));
    this.#workers.set(place, worker);
    worker.process.once('exit', (code) => {
      this.#workers.delete(place);
      if (this.#stopping) return;
      if (code === 78) {
        giveUp(78);
        return;
      }
      const wasSound = systemClock.monotonicMs() - startedMs > soundAfterMs;
      const nextRestMs = wasSound ? 0 : Math.min(maxRestMs, restMs * 2 + 500);
      const rest = setTimeout(() => {
        this.#rests.delete(rest);
        this.#keep(place, nextRestMs, giveUp);
      }, nextRestMs);
      this.#rests.add(rest);
    });
  }

  /** Each has the operator's listener on a port of its own, and its share of the cores for hashing. */
  #settingsOf(place: number): Record<string, string> {
    const { ops, passwords } = this.#config;
    return {
      LATCHKEY_OPS_PORT: String(ops.port === 0 ? 0 : ops.port + place),
      LATCHKEY_HASH_CONCURRENCY: String(Math.max(1, Math.floor(passwords.hashConcurrency / this.#count))),
    };
  }
}
