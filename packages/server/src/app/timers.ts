/**
 * Periodic tasks of a process, besides its jobs: it reloads keys, clients and identity providers, measures its clock and the job
 * queue, and gives attempts back.
 */
import { giveBackSeconds } from '#domain/attempts/index.ts';
import { clientsRefreshSeconds } from '#domain/clients/index.ts';
import { providersRefreshSeconds } from '#domain/identity-providers/index.ts';
import { refreshSeconds as signingKeysRefreshSeconds } from '#domain/signing-keys/index.ts';
import { measureSeconds } from '#kernel/deployment-clock.ts';
import { type QueueDepth, readQueueDepth } from '#platform/jobs/index.ts';
import type { Services } from './wiring.ts';

/** Twice within `spreadSeconds` of the key ring, so that every node has read a new key before its first use. */
const dataKeysRefreshSeconds = 30;
const queueDepthSeconds = 15;

/** A failed task is logged and runs again at its next interval. */
export class Timers {
  readonly #services: Services;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Set<Promise<void>>();
  /** The kinds of jobs of this process, and those seen since. Without due jobs their gauges are 0 instead of absent. */
  readonly #kinds: Set<string>;

  constructor(services: Services, kinds: readonly string[]) {
    this.#services = services;
    this.#kinds = new Set(kinds);
    this.#showQueue([]);
  }

  start(): void {
    const { keys, signingKeys, clients, identityProviders, clockSkew, unfinishedAttempts } = this.#services;
    this.#every(dataKeysRefreshSeconds, () => keys.refresh());
    this.#every(signingKeysRefreshSeconds, () => signingKeys.refresh());
    this.#every(clientsRefreshSeconds, () => clients.refresh());
    this.#every(providersRefreshSeconds, () => identityProviders.refresh());
    this.#every(queueDepthSeconds, () => this.#measureQueue());
    this.#every(giveBackSeconds, () => unfinishedAttempts.giveBack());
    if (clockSkew !== undefined) this.#every(measureSeconds, () => clockSkew.measure());
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#running);
  }

  async #measureQueue(): Promise<void> {
    const { database, clock } = this.#services;
    this.#showQueue(await readQueueDepth(database, clock.now()));
  }

  #showQueue(depths: readonly QueueDepth[]): void {
    const { metrics, clock } = this.#services;
    const byKind = new Map(depths.map((depth) => [depth.kind, depth]));
    for (const kind of byKind.keys()) this.#kinds.add(kind);
    for (const kind of this.#kinds) {
      const { due = 0, dead = 0, oldestDueAt = null } = byKind.get(kind) ?? {};
      const waitingMs = oldestDueAt === null ? 0 : clock.now().getTime() - oldestDueAt.getTime();
      metrics.set('jobs_queue_depth', { kind }, due);
      metrics.set('jobs_dead', { kind }, dead);
      metrics.set('jobs_oldest_due_seconds', { kind }, Math.max(0, waitingMs / 1000));
    }
  }

  #every(seconds: number, work: () => Promise<void>): void {
    const run = () => {
      const running = work()
        .catch((error: unknown) => this.#services.logger.warn('a periodic task failed', { error }))
        .finally(() => this.#running.delete(running));
      this.#running.add(running);
    };
    this.#timers.push(setInterval(run, seconds * 1000).unref());
  }
}
