/** The phases of a process from its start to its end, and how long requests and jobs may take once it stops. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Logger } from '#platform/telemetry/index.ts';
import { OpenResources } from './open-resources.ts';
import type { ProcessEnd, StopRequest } from './process-end.ts';

/** After an unexpected error the state of the process is unknown, so its requests get less time. */
const graceAfterErrorMs = 5000;

export class Lifecycle {
  #phase: 'starting' | 'serving' | 'stopping' = 'starting';
  #graceEndsMs = 0;
  #isOrderly = false;
  readonly #onStopping: (() => void)[] = [];

  /** The reason why the process takes no requests; undefined while it serves. */
  get unready(): string | undefined {
    return this.#phase === 'serving' ? undefined : this.#phase;
  }

  /** Whether a process that has served stops on request, and not after an error. */
  get isOrderlyStop(): boolean {
    return this.#isOrderly;
  }

  /** Requests and jobs share the grace period, because the service manager waits for both together. */
  get graceLeftMs(): number {
    return Math.max(0, this.#graceEndsMs - systemClock.monotonicMs());
  }

  onStopping(call: () => void): void {
    this.#onStopping.push(call);
  }

  serve(): void {
    this.#phase = 'serving';
  }

  /** Turns readiness red; resolves when a load balancer has had time to see it, and the listeners can close. */
  async stop({ isOrderly }: StopRequest, { shutdownDelaySeconds, drainSeconds }: Config['http']): Promise<void> {
    const hasServed = this.#phase === 'serving';
    this.#phase = 'stopping';
    if (!hasServed) return;
    this.#isOrderly = isOrderly;
    for (const call of this.#onStopping) call();
    if (isOrderly) await pause(shutdownDelaySeconds * 1000);
    this.#graceEndsMs = systemClock.monotonicMs() + (isOrderly ? drainSeconds * 1000 : graceAfterErrorMs);
  }
}

/** A process: the resources that it opens, and its phase. */
export interface Life {
  readonly resources: OpenResources;
  readonly lifecycle: Lifecycle;
}

/** Call it once for all processes of a server. */
export function logWarnings({ warnings }: Config, logger: Logger): void {
  for (const detail of warnings) logger.warn('a setting has no effect', { detail });
}

/**
 * Opens the parts of a process and keeps it running until it is told to stop. Closes everything that was opened, also when
 * the start fails or is interrupted. Returns the exit code.
 */
export async function runUntilStopped(
  surroundings: { readonly config: Config; readonly logger: Logger; readonly end: ProcessEnd },
  open: (life: Life) => Promise<void>,
): Promise<number> {
  const { config, logger, end } = surroundings;
  const resources = new OpenResources(logger);
  const lifecycle = new Lifecycle();
  end.attend(logger, config.mode);
  try {
    const opened = open({ resources, lifecycle }).then(() => end.requested);
    const request = await Promise.race([opened, end.requested]);
    logger.info('stopping', { detail: request.reason });
    await lifecycle.stop(request, config.http);
    if (request.error !== undefined) throw request.error;
    return end.hasFailed ? 1 : request.exitCode;
  } finally {
    await resources.close();
    logger.flush();
  }
}
