/**
 * What a process does again and again for itself, beside its jobs: it reads keys and clients again,
 * measures the queue, and adds up limits with other processes.
 */
import { clientsRefreshSeconds } from '#domain/clients/index.ts';
import { refreshSeconds as signingKeysRefreshSeconds } from '#domain/signing-keys/index.ts';
import { readQueueDepth } from '#platform/jobs/index.ts';
import { mergeSeconds } from '#platform/rate-limit/index.ts';
import type { Services } from './wiring.ts';

/** Twice within the time that a new data key rests before it is used. */
const dataKeysRefreshSeconds = 30;
const queueDepthSeconds = 15;

/** The timers of one process. A failure is logged and tried again at the next turn. */
export class Timers {
  readonly #services: Services;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Set<Promise<void>>();
  /** Kinds that had a job once: with none they are zero, not absent. */
  readonly #kinds = new Set<string>();

  constructor(services: Services) {
    this.#services = services;
  }

  start(): void {
    const { keys, signingKeys, clients, limits, database } = this.#services;
    this.#every(dataKeysRefreshSeconds, () => keys.refresh());
    this.#every(signingKeysRefreshSeconds, () => signingKeys.refresh());
    this.#every(clientsRefreshSeconds, () => clients.refresh());
    this.#every(queueDepthSeconds, () => this.#measureQueue());
    // The embedded database has no second process.
    if (database.kind === 'postgres') this.#every(mergeSeconds, () => limits.merge());
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#running);
  }

  async #measureQueue(): Promise<void> {
    const { database, metrics, clock } = this.#services;
    const depths = await readQueueDepth(database, clock.now());
    for (const kind of this.#kinds) metrics.setQueueDepth(kind, 0);
    for (const { kind, due } of depths) {
      this.#kinds.add(kind);
      metrics.setQueueDepth(kind, due);
    }
  }

  #every(seconds: number, work: () => Promise<void>): void {
    const turn = () => {
      const running = work()
        .catch((error: unknown) => this.#services.logger.warn('a periodic task failed', { error }))
        .finally(() => this.#running.delete(running));
      this.#running.add(running);
    };
    this.#timers.push(setInterval(turn, seconds * 1000).unref());
  }
}
