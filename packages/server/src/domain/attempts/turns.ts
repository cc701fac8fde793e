/**
 * Guesses at one person that are under way in this process. Five right passwords at once use up what the counter grants,
 * and none of the five has yet said that it was right: so the sixth waits for what becomes of them, for a moment, instead
 * of being refused. Wrong ones gain nothing by it, since the counter in the database decides again afterwards.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Longer than a few hashes take in a short queue. */
const waitAtMostMs = 2000;
/** Of one person; more than this at once is no honest parallelism. */
const waitingAtMost = 50;

interface Underway {
  count: number;
  waiting: number;
  /** Settled when one was right, or when all have been wrong. */
  changed: PromiseWithResolvers<void>;
}

/** One guess, as its flow makes it. */
interface Guess<R, T> {
  /** Whose it is; the same for an address without a user. */
  readonly key: string;
  readonly reserve: () => Promise<R>;
  readonly isGranted: (reserved: R) => boolean;
  /** Answers when it was right, throws when it was wrong or too early. */
  readonly look: (reserved: R) => Promise<T>;
}

/** The turns of one process. */
export class GuessTurns {
  readonly #underway = new Map<string, Underway>();

  /** Reserves a guess, again when others of the same key have ended, and then looks at it; or at the refusal. */
  async take<R, T>(guess: Guess<R, T>): Promise<T> {
    const { key, reserve, isGranted, look } = guess;
    let reserved = await reserve();
    const until = AbortSignal.timeout(waitAtMostMs);
    while (!isGranted(reserved) && (await this.#waitForOthers(key, until))) reserved = await reserve();
    return isGranted(reserved) ? this.#lookAt(key, () => look(reserved)) : look(reserved);
  }

  async #lookAt<T>(key: string, look: () => Promise<T>): Promise<T> {
    const underway = this.#underway.get(key) ?? { count: 0, waiting: 0, changed: Promise.withResolvers<void>() };
    this.#underway.set(key, underway);
    underway.count += 1;
    let wasRight = false;
    try {
      const answer = await look();
      wasRight = true;
      return answer;
    } finally {
      underway.count -= 1;
      if (underway.count === 0) this.#underway.delete(key);
      if (wasRight || underway.count === 0) {
        underway.changed.resolve();
        underway.changed = Promise.withResolvers<void>();
      }
    }
  }

  /** False when there is nobody to wait for, when too many wait already, or when it took too long. */
  async #waitForOthers(key: string, until: AbortSignal): Promise<boolean> {
    const underway = this.#underway.get(key);
    if (underway === undefined || underway.waiting >= waitingAtMost || until.aborted) return false;
    underway.waiting += 1;
    try {
      await Promise.race([underway.changed.promise, pause(waitAtMostMs, undefined, { ref: false })]);
      return !until.aborted;
    } finally {
      underway.waiting -= 1;
    }
  }
}
