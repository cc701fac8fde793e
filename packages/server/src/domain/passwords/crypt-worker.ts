/**
 * The worker thread of the hashes whose rounds are a loop in JavaScript. A comparison takes up to a second, so it runs
 * outside of the event loop. The thread is started on demand.
 */
import { parentPort } from 'node:worker_threads';
import { lowerPriority } from '#platform/thread-priority/index.ts';
import { type IteratedDigestHash, matchesIteratedDigest } from '#protocol/password-hash/index.ts';

/** A comparison; `id` is returned with its result. */
export interface CryptTask {
  readonly id: number;
  readonly hash: IteratedDigestHash;
  readonly password: string;
}

export interface CryptResult {
  readonly id: number;
  readonly matches: boolean;
}

// As the threads of the pool, so that the event loop does not wait for a core.
lowerPriority();

parentPort?.on('message', ({ id, hash, password }: CryptTask) => {
  const result: CryptResult = { id, matches: matchesIteratedDigest(hash, password) };
  parentPort?.postMessage(result);
});
