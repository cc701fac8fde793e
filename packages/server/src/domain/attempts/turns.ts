/**
 * Guesses that are under way in this process. Five right passwords at once use up what the counters grant, and none of
 * the five has yet said that it was right: so the sixth waits for what becomes of them, for a moment, instead of being
 * refused. Wrong ones gain nothing by it, since the counters in the database decide again afterwards. What is under way
 * on another node is not known here, and not waited for.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Longer than a few hashes take in a short queue. */
const waitAtMostMs = 2000;
/** Under one key; more than this at once is no honest parallelism. */
const waitingAtMost = 50;

interface Underway {
  count: number;
  waiting: number;
  /** Settled when one was right, or when all have been wrong. */
  changed: PromiseWithResolvers<void>;
}

/** One guess, as its flow makes it. */
interface Guess<R extends { readonly isGranted: boolean }, T> {
  /** What else uses up the same counters: whose it is, and who asks; the same for an address without a user. */
  readonly keys: readonly string[];
  readonly reserve: () => Promise<R>;
  /** Answers when it was right, throws when it was wrong or too early. */
  readonly look: (reserved: R) => Promise<T>;
}

/** The turns of one process. */
export class GuessTurns {
  readonly #underway = new Map<string, Underway>();

  /** Reserves a guess, again when others of the same keys have ended, and then looks at it; or at the refusal. */
  async take<R extends { readonly isGranted: boolean }, T>(guess: Guess<R, T>): Promise<T> {
    const { keys, reserve, look } = guess;
    let reserved = await reserve();
    const until = AbortSignal.timeout(waitAtMostMs);
    while (!reserved.isGranted && (await this.#waitForOthers(keys, until))) reserved = await reserve();
    return reserved.isGranted ? this.#lookAt(keys, () => look(reserved)) : look(reserved);
  }

  async #lookAt<T>(keys: readonly string[], look: () => Promise<T>): Promise<T> {
    for (const key of keys) this.#begin(key);
    let wasRight = false;
    try {
      const answer = await look();
      wasRight = true;
      return answer;
    } finally {
      for (const key of keys) this.#end(key, wasRight);
    }
  }

  #begin(key: string): void {
    const underway = this.#underway.get(key) ?? { count: 0, waiting: 0, changed: Promise.withResolvers<void>() };
    this.#underway.set(key, underway);
    underway.count += 1;
  }

  #end(key: string, wasRight: boolean): void {
    const underway = this.#underway.get(key);
    if (underway === undefined) return;
    underway.count -= 1;
    if (underway.count === 0) this.#underway.delete(key);
    if (!wasRight && underway.count > 0) return;
    underway.changed.resolve();
    underway.changed = Promise.withResolvers<void>();
  }

  /** False when there is nobody to wait for, when too many wait already, or when it took too long. */
  async #waitForOthers(keys: readonly string[], until: AbortSignal): Promise<boolean> {
    const others = keys.flatMap((key) => this.#underway.get(key) ?? []);
    if (others.length === 0 || others.some(({ waiting }) => waiting >= waitingAtMost) || until.aborted) return false;
    for (const underway of others) underway.waiting += 1;
    try {
      const settled = others.map(({ changed }) => changed.promise);
      await Promise.race([...settled, pause(waitAtMostMs, undefined, { ref: false })]);
      return !until.aborted;
    } finally {
      for (const underway of others) underway.waiting -= 1;
    }
  }
}
