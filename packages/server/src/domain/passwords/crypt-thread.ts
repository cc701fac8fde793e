import { Worker } from 'node:worker_threads';
import type { IteratedDigestHash } from '#protocol/password-hash/index.ts';
import type { CryptResult, CryptTask } from './crypt-worker.ts';

/** The worker ends, and its memory is freed, after this long without a comparison. */
const defaultIdleMs = 30_000;

/**
 * Compares passwords with SHA-crypt and phpass hashes in one worker thread that is started on demand. Comparisons run one
 * after another; the hash queue bounds how many wait.
 */
export class CryptThread {
  readonly #idleMs: number;
  readonly #tasks = new Map<number, PromiseWithResolvers<boolean>>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;

  constructor({ idleMs = defaultIdleMs }: { readonly idleMs?: number } = {}) {
    this.#idleMs = idleMs;
  }

  /** Whether a thread exists. */
  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /**
   * Returns whether the hash is of this password.
   *
   * @throws the error that ended the worker; the next comparison starts a new one.
   */
  matches(hash: IteratedDigestHash, password: string): Promise<boolean> {
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    this.#worker = worker;
    // The process must not exit while a comparison is in progress.
    worker.ref();
    this.#lastId += 1;
    const pending = Promise.withResolvers<boolean>();
    this.#tasks.set(this.#lastId, pending);
    const task: CryptTask = { id: this.#lastId, hash, password };
    worker.postMessage(task);
    return pending.promise;
  }

  #start(): Worker {
    const worker = new Worker(new URL('./crypt-worker.ts', import.meta.url), { execArgv: [], env: {} });
    worker.on('message', (result: CryptResult) => this.#settle(worker, result));
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', (code) => this.#fail(worker, new Error(`the thread of password hashes exited with ${code}`)));
    return worker;
  }

  #settle(worker: Worker, { id, matches }: CryptResult): void {
    this.#tasks.get(id)?.resolve(matches);
    this.#tasks.delete(id);
    if (this.#tasks.size > 0) return;
    worker.unref();
    this.#idle = setTimeout(() => this.#end(), this.#idleMs).unref();
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }

  #fail(worker: Worker, error: unknown): void {
    // A worker that ended when idle has no tasks, and a newer one may exist.
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const failed = [...this.#tasks.values()];
    this.#tasks.clear();
    for (const task of failed) task.reject(error);
  }
}
