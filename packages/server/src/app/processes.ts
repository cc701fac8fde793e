/**
 * `serve --processes N`: a parent process that only supervises, and N serving processes that share the public port and
 * nothing else. They are independent nodes, like processes on several machines, and need no further coordination.
 */
import cluster, { type Worker } from 'node:cluster';
import type { Config } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import type { ProcessContext } from './cli/command.ts';
import { runUntilStopped } from './lifecycle.ts';
import { OperatorError } from './operator-error.ts';
import { version } from './version.ts';

/** A process that ran for longer is restarted at once; otherwise the delay doubles, up to `maxDelayMs`. */
const stableAfterMs = 10_000;
const maxDelayMs = 30_000;

/** Whether this process is the parent and not one that it forked. */
export function isParent(): boolean {
  return cluster.isPrimary;
}

/** Whether this is the only process or the first that the parent forked. It prints the banner for all. */
export function isFirstProcess(): boolean {
  return cluster.worker === undefined || cluster.worker.id === 1;
}

/** Runs N serving processes until a signal, and restarts those that exit. Returns the exit code. */
export async function superviseProcesses(count: number, { config, end }: ProcessContext): Promise<number> {
  rejectUnshareable(config);
  // Each process accepts connections by itself. A connection that the parent passed to a dying process would hang.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const logger = createLogger({ ...config.log, service: 'latchkey', version });
  return runUntilStopped({ config, logger, end }, async ({ resources }) => {
    const supervisor = new Supervisor(config, count);
    resources.add(
      'the processes',
      () => supervisor.stop(),
      () => 60_000,
    );
    void supervisor.start().then((exitCode) => end.request({ reason: 'a process', exitCode, isOrderly: false }));
  });
}

function rejectUnshareable(config: Config): void {
  if (config.database.kind === 'embedded') {
    throw new OperatorError(
      '--processes needs DATABASE_URL, because only one process can open the embedded database.',
      78,
    );
  }
  if (config.mail.smtp === undefined) {
    throw new OperatorError('--processes needs SMTP_URL, because each process would have an inbox of its own.', 78);
  }
}

class Supervisor {
  readonly #config: Config;
  readonly #count: number;
  readonly #workers = new Map<number, Worker>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  #stopping = false;

  constructor(config: Config, count: number) {
    this.#config = config;
    this.#count = count;
  }

  /** Starts all processes. Resolves with 78 when one exits with 78 (its configuration is unusable), otherwise never. */
  start(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    for (let slot = 0; slot < this.#count; slot += 1) this.#keepRunning(slot, 0, resolve);
    return promise;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const restart of this.#restarts) clearTimeout(restart);
    const ended = [...this.#workers.values()].map(
      (worker) => new Promise<void>((resolve) => worker.process.once('exit', () => resolve())),
    );
    for (const worker of this.#workers.values()) worker.process.kill('SIGTERM');
    await Promise.all(ended);
  }

  #keepRunning(slot: number, delayMs: number, giveUp: (exitCode: number) => void): void {
    const startedMs = systemClock.monotonicMs();
    const worker = cluster.fork(this.#settingsOf(slot));
    this.#workers.set(slot, worker);
    worker.process.once('exit', (code) => {
      this.#workers.delete(slot);
      if (this.#stopping) return;
      if (code === 78) {
        giveUp(78);
        return;
      }
      const wasStable = systemClock.monotonicMs() - startedMs > stableAfterMs;
      const nextDelayMs = wasStable ? 0 : Math.min(maxDelayMs, delayMs * 2 + 500);
      const restart = setTimeout(() => {
        this.#restarts.delete(restart);
        this.#keepRunning(slot, nextDelayMs, giveUp);
      }, nextDelayMs);
      this.#restarts.add(restart);
    });
  }

  /** Each process has an operator's listener on a port of its own and a share of the hash concurrency. */
  #settingsOf(slot: number): Record<string, string> {
    const { ops, passwords } = this.#config;
    return {
      LATCHKEY_OPS_PORT: String(ops.port === 0 ? 0 : ops.port + slot),
      LATCHKEY_HASH_CONCURRENCY: String(Math.max(1, Math.floor(passwords.hashConcurrency / this.#count))),
    };
  }
}
