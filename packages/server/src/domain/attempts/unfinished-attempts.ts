/**
 * Attempts with the right secret whose effect failed: the database was away before the session was written, for example.
 * They are no failures of the user, so they are given back to their counter when the database is available again. Else
 * ten logins during an outage would delay the eleventh, after the outage, by half a minute.
 *
 * A process that ends forgets them: they remain counted, as any attempt that a crash interrupts (invariant 2). Where the
 * outcome of giving back is unknown it is repeated, so that a counter may end one too low; only the holder of the secret
 * causes that.
 */
import { Problem } from '#kernel/problem.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { AttemptKind } from './attempt-kinds.ts';

/** How often a process gives back what could not be given back at once. */
export const giveBackSeconds = 2;

/** Further attempts remain counted. */
const maxWaiting = 1000;

/**
 * SQL: the row stays, since its deletion could meet an attempt that is counted at the same time. On the lane that has just counted
 * the attempt, which may have its connections again before the others.
 */
const giveBack = statement('attempts.give_back', {
  lane: 'counter',
  sql: `update attempt_counters set failures = greatest(failures - :count, 0)
      where kind = :kind and key = decode(replace((:userId::uuid)::text, '-', ''), 'hex')`,
  params: { kind: 'text', userId: 'uuid', count: 'int4' },
  columns: {},
});

/** The counter of a reserved attempt. */
export interface ReservedAttempt {
  readonly kind: AttemptKind;
  readonly userId: string;
}

interface Waiting extends ReservedAttempt {
  readonly count: number;
}

/** The attempts of one process that are to be given back. */
export class UnfinishedAttempts {
  readonly #database: Pick<Database, 'run'>;
  readonly #waiting = new Map<string, Waiting>();
  readonly #running = new Set<Promise<unknown>>();

  constructor({ database }: { readonly database: Pick<Database, 'run'> }) {
    this.#database = database;
  }

  /**
   * Runs the effect of an attempt whose secret was right. When it fails without a decision, the attempt is given back: at once,
   * because clients try again at once, else as soon as that is possible. The response does not wait for it. Those that already
   * wait are left to `giveBack`: each failure of a long outage would repeat all of them.
   */
  async finish<T>(attempt: ReservedAttempt, effect: () => Promise<T>): Promise<T> {
    try {
      return await effect();
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) void this.#start([{ ...attempt, count: 1 }]);
      throw error;
    }
  }

  /** Gives back every attempt that waits, after those that are being given back. What fails waits for the next call. */
  async giveBack(): Promise<void> {
    await Promise.all(this.#running);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    const failed = await this.#start(waiting);
    if (failed !== undefined) throw failed.reason;
  }

  /** Gives these back; those that failed wait then. Returns the first failure. */
  #start(attempts: readonly Waiting[]): Promise<PromiseRejectedResult | undefined> {
    const run = this.#giveBack(attempts).finally(() => this.#running.delete(run));
    this.#running.add(run);
    return run;
  }

  async #giveBack(attempts: readonly Waiting[]): Promise<PromiseRejectedResult | undefined> {
    const results = await Promise.allSettled(attempts.map((attempt) => this.#database.run(giveBack, attempt)));
    for (const [index, attempt] of attempts.entries()) if (results[index]?.status === 'rejected') this.#add(attempt);
    return results.find((result) => result.status === 'rejected');
  }

  #add(attempt: Waiting): void {
    const key = `${attempt.kind} ${attempt.userId}`;
    const earlier = this.#waiting.get(key);
    if (earlier === undefined && this.#waiting.size >= maxWaiting) return;
    this.#waiting.set(key, { ...attempt, count: attempt.count + (earlier?.count ?? 0) });
  }
}
