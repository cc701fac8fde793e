import { randomBytes } from 'node:crypto';
import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { assert } from '#kernel/assert.ts';
import { type Argon2idParameters, needsRehash, parsePasswordHash } from '#protocol/password-hash/index.ts';
import type { AcceptedPassword } from './accepted-password.ts';
import type { HashQueue, Slot } from './hash-queue.ts';
import { OldHashes } from './old-hashes.ts';

// The package declares a const enum, which erasable TypeScript cannot import: 2 is Argon2id.
const argon2id = 2 as Algorithm;

/**
 * Computes and compares Argon2id hashes (RFC 9106) in the bounded queue, and compares the hashes of other products. A login
 * replaces those, as every outdated hash.
 */
export class PasswordHashes {
  readonly #queue: HashQueue;
  readonly #parameters: Argon2idParameters;
  /** Compared when the user has no hash, so that both cases take the same work. */
  readonly #decoyHash: string;
  readonly #oldHashes = new OldHashes();

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

  /**
   * Returns whether the hash is of this password; without a hash, false after the work of a current one.
   *
   * A wrong password for an old hash takes the old scheme's work and then the work of a current hash, in one slot of the
   * queue. Its response is therefore never faster than that of an unknown user. It is slower by the old comparison, up to a
   * second, so that measurements distinguish a user whose expensive old hash no login has replaced yet from other users
   * and from unknown ones; cheap old hashes (digests, phpass with 2^13 rounds) add less than 10 ms.
   *
   * A text of an unknown form, or with an old scheme's cost above the limit, matches no password. The cost of Argon2id is
   * not limited here: the server computed the hash with parameters that the operator chose, or an import checked it.
   */
  matches(password: string, text: string | undefined): Promise<boolean> {
    return this.#queue.run(() => this.#compare(password, text));
  }

  async #compare(typed: string, text: string | undefined): Promise<boolean> {
    const password = typed.normalize('NFC');
    const hash = text === undefined ? null : parsePasswordHash(text);
    if (text !== undefined && hash !== null) {
      if (hash.kind === 'argon2id') return verify(text, password);
      if (await this.#oldHashes.matches(hash, text, typed)) return true;
    }
    await verify(this.#decoyHash, password);
    return false;
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
