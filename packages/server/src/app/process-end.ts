/**
 * Why a process ends: a signal, or an error that nothing caught. It imports nothing that takes time to load, so that `main`
 * handles both from its first line on.
 */
import type { Mode } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Logger } from '#platform/telemetry/index.ts';

/** npm and process groups deliver one signal up to three times. */
const repetitionMs = 2000;

export interface StopRequest {
  /** For the log, such as `SIGTERM`. */
  readonly reason: string;
  readonly exitCode: number;
  /** False after an error: the process does not wait for load balancers, and finishes less. */
  readonly isOrderly: boolean;
  /** A sentence for the operator. */
  readonly error?: Error;
}

export class ProcessEnd {
  /** Settles at the first request. */
  readonly requested: Promise<StopRequest>;
  /** The exit code, once the end is requested while no part of the program attends to it: nothing is open. */
  readonly unattended: Promise<number>;
  readonly #request: (request: StopRequest) => void;
  readonly #exit: (exitCode: number) => void;
  #requestedMs: number | undefined;
  #attendant: { readonly logger: Logger; readonly mode: Mode } | undefined;
  #hungUp = false;
  #reload: (() => void) | undefined;
  #hasFailed = false;

  constructor() {
    const requested = Promise.withResolvers<StopRequest>();
    const unattended = Promise.withResolvers<number>();
    this.requested = requested.promise;
    this.unattended = unattended.promise;
    this.#request = requested.resolve;
    this.#exit = unattended.resolve;
  }

  /** Whether an unexpected error happened, before or after the first request. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  watchErrors(): void {
    // Also gets unhandled rejections.
    process.on('uncaughtException', (error) => this.fail(error));
  }

  /** Without this, a signal ends the process at once, which is right for a command that runs briefly. */
  watchSignals(): void {
    for (const name of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(name, () => this.#signal(name));
    process.on('SIGHUP', () => this.#hangUp());
  }

  /** From now on the caller closes what is open when `requested` settles, and ends the process. */
  attend(logger: Logger, mode: Mode): void {
    this.#attendant = { logger, mode };
    if (this.#hungUp) this.#hangUp();
  }

  /** From now on `reload` reads the secrets again at SIGHUP; a SIGHUP during the start counts too. */
  onReload(reload: () => void): void {
    this.#reload = reload;
    if (this.#hungUp) this.#hangUp();
  }

  /** As SIGHUP in production. */
  reload(): void {
    this.#hungUp = true;
    if (this.#reload === undefined) return;
    this.#hungUp = false;
    this.#reload();
  }

  request(request: StopRequest): void {
    this.#requestedMs ??= systemClock.monotonicMs();
    this.#request(request);
    if (this.#attendant === undefined) this.#exit(request.exitCode);
  }

  /** Logs an unexpected error, with secrets and addresses masked, and ends the process. */
  fail(error: unknown): void {
    this.#hasFailed = true;
    void this.#logFatal(error).finally(() =>
      this.request({ reason: 'an unexpected error', exitCode: 1, isOrderly: false }),
    );
  }

  async #logFatal(error: unknown): Promise<void> {
    const logger = this.#attendant?.logger ?? (await loggerToStandardError().catch(printDamage));
    if (logger === undefined) return;
    // Several serving processes write to one log.
    logger.fatal('an unexpected error ends the process', { error, pid: process.pid });
    logger.flush();
  }

  #signal(name: NodeJS.Signals): void {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - (this.#requestedMs ?? nowMs) > repetitionMs) {
      process.stderr.write(`Stopped at once by ${name}.\n`);
      // The kernel ends the process, whatever it is doing.
      process.removeAllListeners(name);
      process.kill(process.pid, name);
      return;
    }
    this.request({ reason: name, exitCode: 0, isOrderly: true });
  }

  /** The end of a terminal session in development; in production a request to read the secrets again. */
  #hangUp(): void {
    this.#hungUp = true;
    if (this.#attendant === undefined) return;
    if (this.#attendant.mode === 'production') this.reload();
    else this.#signal('SIGHUP');
  }
}

/** The error to be logged is not printed: nothing masks secrets without the logger. */
function printDamage(error: Error): undefined {
  process.stderr.write(`This installation is damaged: ${error.message}\n`);
}

async function loggerToStandardError(): Promise<Logger> {
  const { createLogger } = await import('#platform/telemetry/index.ts');
  const { version } = await import('./version.ts');
  const destination = { write: (line: string) => void process.stderr.write(line) };
  return createLogger({ level: 'error', service: 'latchkey', version, destination });
}
