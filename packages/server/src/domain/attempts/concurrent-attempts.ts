/**
 * Attempts in progress in this process, grouped by the counters that they share.
 * A reserved attempt counts as failed until its secret has been compared. Five concurrent logins with the right password
 * therefore exhaust the undelayed attempts, and a sixth would be rejected although the five are about to reset the
 * counter. The sixth waits for at most 2 s until one of them succeeds or all have failed, and then reserves again.
 * An attempt that succeeds while the sixth is reserved may reset the counter after the database has decided; then the sixth
 * reserves again without waiting.
 * Waiting does not help an attacker: the second reservation is decided by the same counters in the database.
 * Attempts in progress on other nodes are not visible here, so no attempt waits for them.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Longer than a few hashes take in a short queue. */
const maxWaitMs = 2000;
/** Waiting attempts under one key. A client that logs in concurrently for a legitimate reason stays below it. */
const maxWaiting = 50;

interface InProgress {
  /** Attempts that are reserved, waiting or compared; the entry is deleted with the last one. */
  open: number;
  /** Attempts whose secret is compared. */
  count: number;
  waiting: number;
  succeeded: number;
  /** Resolves when an attempt has succeeded, or when all have failed. */
  changed: PromiseWithResolvers<void>;
}

interface Attempt<R extends { readonly isGranted: boolean }, T> {
  /** One key for each counter that the attempt uses, such as the typed address and the client's network. */
  readonly keys: readonly string[];
  readonly reserve: () => Promise<R>;
  /** Compares the secret; returns on success, throws on a wrong secret and on a reservation that was not granted. */
  readonly verify: (reserved: R) => Promise<T>;
}

/** The attempts in progress in one process. */
export class ConcurrentAttempts {
  readonly #inProgress = new Map<string, InProgress>();

  /**
   * Reserves the attempt and verifies it. While the reservation is not granted and attempts under the same keys are in
   * progress, waits for them and reserves again. `verify` also receives a reservation that was not granted in the end.
   */
  async run<R extends { readonly isGranted: boolean }, T>(attempt: Attempt<R, T>): Promise<T> {
    const shared = attempt.keys.map((key) => this.#open(key));
    try {
      return await this.#reserveAndVerify(attempt, shared);
    } finally {
      for (const key of attempt.keys) this.#close(key);
    }
  }

  async #reserveAndVerify<R extends { readonly isGranted: boolean }, T>(
    { reserve, verify }: Attempt<R, T>,
    shared: readonly InProgress[],
  ): Promise<T> {
    let succeeded = successesOf(shared);
    let reserved = await reserve();
    const deadline = AbortSignal.timeout(maxWaitMs);
    while (!reserved.isGranted && (successesOf(shared) > succeeded || (await waitForOthers(shared, deadline)))) {
      if (deadline.aborted) break;
      succeeded = successesOf(shared);
      reserved = await reserve();
    }
    return reserved.isGranted ? track(shared, () => verify(reserved)) : verify(reserved);
  }

  #open(key: string): InProgress {
    const inProgress = this.#inProgress.get(key) ?? {
      open: 0,
      count: 0,
      waiting: 0,
      succeeded: 0,
      changed: Promise.withResolvers<void>(),
    };
    this.#inProgress.set(key, inProgress);
    inProgress.open += 1;
    return inProgress;
  }

  #close(key: string): void {
    const inProgress = this.#inProgress.get(key);
    if (inProgress === undefined) return;
    inProgress.open -= 1;
    if (inProgress.open === 0) this.#inProgress.delete(key);
  }
}

function successesOf(shared: readonly InProgress[]): number {
  return shared.reduce((sum, { succeeded }) => sum + succeeded, 0);
}

async function track<T>(shared: readonly InProgress[], verify: () => Promise<T>): Promise<T> {
  for (const inProgress of shared) inProgress.count += 1;
  let hasSucceeded = false;
  try {
    const result = await verify();
    hasSucceeded = true;
    return result;
  } finally {
    for (const inProgress of shared) end(inProgress, hasSucceeded);
  }
}

function end(inProgress: InProgress, hasSucceeded: boolean): void {
  inProgress.count -= 1;
  if (hasSucceeded) inProgress.succeeded += 1;
  if (!hasSucceeded && inProgress.count > 0) return;
  inProgress.changed.resolve();
  inProgress.changed = Promise.withResolvers<void>();
}

/** Returns false when there is nothing to wait for, when too many wait already, and after the deadline. */
async function waitForOthers(shared: readonly InProgress[], deadline: AbortSignal): Promise<boolean> {
  const others = shared.filter(({ count }) => count > 0);
  if (others.length === 0 || others.some(({ waiting }) => waiting >= maxWaiting) || deadline.aborted) return false;
  for (const inProgress of others) inProgress.waiting += 1;
  try {
    const settled = others.map(({ changed }) => changed.promise);
    await Promise.race([...settled, pause(maxWaitMs, undefined, { ref: false })]);
    return !deadline.aborted;
  } finally {
    for (const inProgress of others) inProgress.waiting -= 1;
  }
}
