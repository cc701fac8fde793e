/** Advice on rejected passwords from the strength estimator zxcvbn. It never decides whether a password is accepted. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** The last part of a message key: `password.advice.keyboard`. */
export type Advice = (typeof adviceOf)[keyof typeof adviceOf];

/** Advice by warning code of the estimator. */
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

/** The cost of an estimate grows with the square of the length, and the beginning is enough for advice. */
const maxCharacters = 100;

/** Further requests get no advice, so that a flood cannot build up a queue. */
const maxWaiting = 4;

/** The worker ends, and its memory is freed, after this long without a request. */
const idleMs = 30_000;

/** Runs the estimator in a worker thread that is started on demand. */
export class Adviser {
  readonly #timeoutMs: number;
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;

  /** `timeoutMs` includes the wait for earlier requests and, for the first one, loading the tables. */
  constructor({ timeoutMs = 1500 }: { readonly timeoutMs?: number } = {}) {
    this.#timeoutMs = timeoutMs;
  }

  /** Returns undefined when the estimator has no advice, is overloaded, is too slow or crashes. Never throws. */
  async advise(password: string, words: readonly string[]): Promise<Advice | undefined> {
    if (this.#waiting >= maxWaiting) return undefined;
    this.#waiting += 1;
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const turn = this.#last.then(() => this.#request({ password: password.slice(0, maxCharacters), words }, signal));
    this.#last = turn;
    const warning = await turn;
    this.#waiting -= 1;
    return isKnown(warning) ? adviceOf[warning] : undefined;
  }

  /** Ends the worker; the next request starts a new one. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  async #request(message: object, signal: AbortSignal): Promise<unknown> {
    if (signal.aborted) return undefined;
    clearTimeout(this.#idle);
    this.#worker ??= startWorker();
    this.#worker.postMessage(message);
    try {
      const [warning] = (await once(this.#worker, 'message', { signal })) as unknown[];
      this.#idle = setTimeout(() => void this.close(), idleMs).unref();
      return warning;
    } catch {
      // The worker timed out or crashed. The next request starts a new one.
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
