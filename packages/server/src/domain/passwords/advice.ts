/** What makes a refused password easy to guess, by the strength estimator, as guidance and never as a rule. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What the person reads is `password.advice.<…>` of the catalogues. */
export type Advice = (typeof adviceOf)[keyof typeof adviceOf];

/** By the estimator's names of what it warns of. */
const adviceOf = {
  straightRow: 'keyboard',
  keyPattern: 'keyboard',
  simpleRepeat: 'repeats',
  extendedRepeat: 'repeats',
  sequences: 'sequences',
  recentYears: 'dates',
  dates: 'dates',
  topTen: 'common',
  topHundred: 'common',
  common: 'common',
  similarToCommon: 'common',
  wordByItself: 'common',
  namesByThemselves: 'names',
  commonNames: 'names',
  userInputs: 'names',
} as const;

/** An estimate costs the square of the length; what is wrong with the beginning is wrong enough. */
const maxCharacters = 100;

/** Whoever comes later gets no advice, rather than a place in a queue that a flood makes. */
const maxWaiting = 4;

/** Its memory is given back when nobody asked for this long. */
const idleMs = 30_000;

/** Asks a thread that is there while it is needed. */
export class Adviser {
  readonly #timeoutMs: number;
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;

  /** `timeoutMs` is from the question to the answer, with the wait for those before; the first one loads the tables. */
  constructor({ timeoutMs = 1500 }: { readonly timeoutMs?: number } = {}) {
    this.#timeoutMs = timeoutMs;
  }

  /** Undefined when there is nothing to say, or no time to say it; never throws. */
  async advise(password: string, words: readonly string[]): Promise<Advice | undefined> {
    if (this.#waiting >= maxWaiting) return undefined;
    this.#waiting += 1;
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const turn = this.#last.then(() => this.#ask({ password: password.slice(0, maxCharacters), words }, signal));
    this.#last = turn;
    const warning = await turn;
    this.#waiting -= 1;
    return isKnown(warning) ? adviceOf[warning] : undefined;
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  async #ask(question: object, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) return undefined;
    clearTimeout(this.#idle);
    this.#worker ??= startWorker();
    this.#worker.postMessage(question);
    try {
      const [warning] = (await once(this.#worker, 'message', { signal })) as unknown[];
      this.#idle = setTimeout(() => void this.close(), idleMs).unref();
      return warning;
    } catch {
      // Too slow, or dead of what it was asked: the next question gets a new thread, and this person no advice.
      await this.close();
      return undefined;
    }
  }
}

function startWorker(): Worker {
  const worker = new Worker(new URL('./advice-worker.ts', import.meta.url), { execArgv: [], env: {} });
  worker.unref();
  return worker;
}

function isKnown(warning: unknown): warning is keyof typeof adviceOf {
  return typeof warning === 'string' && Object.hasOwn(adviceOf, warning);
}
