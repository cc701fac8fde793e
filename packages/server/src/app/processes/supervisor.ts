/** Starts serving processes, restarts those that end, and gives up when they end again and again. */
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '#kernel/clock.ts';
import type { Logger, MetricSnapshot } from '#platform/telemetry/index.ts';
import { OperatorError } from '../operator-error.ts';
import { MergedMetrics } from './merged-metrics.ts';
import type { Share } from './messages.ts';
import { maxFailedStarts, Restarts } from './restarts.ts';
import { type ProcessExit, ServingProcess } from './serving-process.ts';

export interface SupervisorOptions {
  readonly count: number;
  readonly share: Share;
  readonly logger: Logger;
  /** The module that is forked; by default the serving process. */
  readonly program?: string;
  /** Called once, when the processes cannot go on. */
  readonly onGiveUp: (error: OperatorError) => void;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #restarts: Restarts;
  readonly #processes = new Map<number, ServingProcess>();
  readonly #pending = new Set<NodeJS.Timeout>();
  readonly #metrics = new MergedMetrics();
  #isStopping = false;
  #deaths = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#restarts = new Restarts(options.count);
  }

  /**
   * Resolves when all processes listen. The first one starts alone: in development it migrates the schema and generates keys,
   * and a fault that all have is reported once.
   *
   * @throws OperatorError with the sentence of the process whose start failed.
   */
  async start(): Promise<void> {
    await this.#startInitially(0);
    const others = Array.from({ length: this.#options.count - 1 }, (_, index) => this.#startInitially(index + 1));
    await Promise.all(others);
  }

  /** Tells all processes to stop, and starts no more. */
  beginStop(): void {
    this.#isStopping = true;
    for (const restart of this.#pending) clearTimeout(restart);
    for (const each of this.#processes.values()) each.stop();
  }

  /** Waits until all have ended; kills the rest. */
  async stop(limitMs: number): Promise<void> {
    this.beginStop();
    const ended = Promise.all([...this.#processes.values()].map((each) => each.ended));
    await Promise.race([ended, pause(limitMs, undefined, { ref: false })]);
    for (const { pid } of this.#processes.values()) this.#options.logger.error('a serving process was killed', { pid });
    for (const each of this.#processes.values()) each.kill();
    await ended;
  }

  /** Tells all processes to read their secrets again. */
  reload(): void {
    for (const each of this.#processes.values()) each.reload();
  }

  get deaths(): number {
    return this.#deaths;
  }

  get readyProcesses(): number {
    return this.#ready().length;
  }

  /** Why the processes together are not ready. One that is being restarted gets no connections, so it does not count. */
  async unready(): Promise<string | undefined> {
    const ready = this.#ready();
    if (ready.length === 0) return 'no process is ready';
    const reasons = await Promise.all(ready.map(reasonOf));
    return reasons.find((reason) => reason !== undefined);
  }

  renderMetrics(own: readonly MetricSnapshot[]): Promise<string> {
    return this.#metrics.render(this.#ready(), own);
  }

  #ready(): ServingProcess[] {
    return [...this.#processes.values()].filter(({ isReady }) => isReady);
  }

  async #startInitially(slot: number): Promise<void> {
    const started = this.#fork(slot);
    const exit = await Promise.race([started.ready, started.ended]);
    if (exit === undefined) {
      void started.ended.then((later) => this.#onDeath(slot, started, later));
      return;
    }
    this.#processes.delete(slot);
    throw failureOf(started, exit);
  }

  #fork(slot: number): ServingProcess {
    const started = new ServingProcess(this.#options.share, this.#options.program);
    this.#processes.set(slot, started);
    return started;
  }

  async #onDeath(slot: number, ended: ServingProcess, exit: ProcessExit): Promise<void> {
    this.#processes.delete(slot);
    await this.#metrics.keepCounters(ended);
    if (this.#isStopping) return;
    this.#deaths += 1;
    this.#logDeath(ended, exit);
    if (exit.exitCode === 78) return this.#giveUp(failureOf(ended, exit));
    const wasReady = ended.isReady;
    const delayMs = this.#restarts.next({ slot, wasReady, nowMs: systemClock.monotonicMs() });
    if (delayMs !== undefined) return this.#restartLater(slot, delayMs);
    const how = wasReady
      ? 'The processes end again and again'
      : `The start of a process failed ${maxFailedStarts} times`;
    const why = ended.sentence === undefined ? 'The log has each exit code and signal.' : ended.sentence;
    this.#giveUp(new OperatorError(`${how}. ${why}`, 1));
  }

  #restartLater(slot: number, delayMs: number): void {
    const restart = setTimeout(() => {
      this.#pending.delete(restart);
      const started = this.#fork(slot);
      void started.ended.then((exit) => this.#onDeath(slot, started, exit));
      void started.ready.then(() => this.#options.logger.info('a serving process was replaced', { pid: started.pid }));
    }, delayMs);
    this.#pending.add(restart);
  }

  #logDeath({ pid, sentence }: ServingProcess, exit: ProcessExit): void {
    const error = sentence === undefined ? undefined : new Error(sentence);
    if (error !== undefined) delete error.stack;
    this.#options.logger.error('a serving process ended', { pid, ...exit, error });
  }

  #giveUp(error: OperatorError): void {
    this.beginStop();
    this.#options.onGiveUp(error);
  }
}

async function reasonOf(process: ServingProcess): Promise<string | undefined> {
  const readiness = await process.ask('readiness');
  if (readiness?.status === 'ready') return undefined;
  const failed = Object.entries(readiness?.checks ?? {}).filter(([, result]) => result !== 'ok');
  const reasons = failed.map(([name, result]) => `${name}: ${result}`);
  return `process ${process.pid}: ${readiness === undefined ? 'no answer' : reasons.join(', ')}`;
}

function failureOf({ sentence, pid }: ServingProcess, { exitCode, signal }: ProcessExit): OperatorError {
  const how = signal === undefined ? `with the exit code ${exitCode}` : `by ${signal}`;
  const text = sentence ?? `The serving process ${pid} ended ${how} before it was ready. The log says more.`;
  return new OperatorError(text, exitCode === 78 ? 78 : 1);
}
