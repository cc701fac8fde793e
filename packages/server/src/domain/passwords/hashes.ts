import { randomBytes } from 'node:crypto';
import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { assert } from '#kernel/assert.ts';
import { type Argon2idParameters, needsRehash } from '#protocol/password-hash/index.ts';
import type { AcceptedPassword } from './accepted-password.ts';
import type { HashQueue, Slot } from './hash-queue.ts';

// The package declares a const enum, which erasable TypeScript cannot import: 2 is Argon2id.
const argon2id = 2 as Algorithm;

/** Computes and compares Argon2id hashes (RFC 9106) in the bounded queue. */
export class PasswordHashes {
  readonly #queue: HashQueue;
  readonly #parameters: Argon2idParameters;
  /** Compared when the user has no hash, so that both cases take the same work. */
  readonly #decoyHash: string;

  private constructor(queue: HashQueue, parameters: Argon2idParameters, decoyHash: string) {
    this.#queue = queue;
    this.#parameters = parameters;
    this.#decoyHash = decoyHash;
  }

  /** Computes the decoy hash with the same parameters as real ones, so that its cost is the same. */
  static async create(queue: HashQueue, parameters: Argon2idParameters): Promise<PasswordHashes> {
    const decoyHash = await hash(randomBytes(16).toString('hex'), toOptions(parameters));
    return new PasswordHashes(queue, parameters, decoyHash);
  }

  /** Reserves a slot in the queue, as `HashQueue.hold`. */
  hold(): Slot {
    return this.#queue.hold();
  }

  /** Returns the PHC string of a new password. */
  async compute(password: AcceptedPassword): Promise<string> {
    return this.#compute(password);
  }

  /**
   * Returns the PHC string, with the current parameters, of a password that matched an outdated hash. Today's rules for
   * new passwords do not apply to it.
   */
  async recompute(provenPassword: string, outdated: string): Promise<string> {
    assert(this.isOutdated(outdated), 'only an outdated hash is computed again');
    return this.#compute(provenPassword.normalize('NFC'));
  }

  /** Returns whether the hash is of this password; without a hash, false after the same work. */
  async matches(password: string, phc: string | undefined): Promise<boolean> {
    const matched = await this.#queue.run(() => verify(phc ?? this.#decoyHash, password.normalize('NFC')));
    return matched && phc !== undefined;
  }

  #compute(password: string): Promise<string> {
    return this.#queue.run(() => hash(password, toOptions(this.#parameters)));
  }

  /** Whether the hash was computed with other parameters than the configured ones. */
  isOutdated(phc: string): boolean {
    return needsRehash(phc, this.#parameters);
  }
}

function toOptions(parameters: Argon2idParameters) {
  return {
    algorithm: argon2id,
    memoryCost: parameters.memoryKib,
    timeCost: parameters.iterations,
    parallelism: parameters.parallelism,
  };
}
