/** Computing and comparing Argon2id hashes. */

import { randomBytes } from 'node:crypto';
import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { assert } from '#kernel/assert.ts';
import { type Argon2idParameters, needsRehash } from '#protocol/password-hash/index.ts';
import type { AcceptedPassword } from './accepted.ts';
import type { HashQueue, Slot } from './hash-queue.ts';

// A const enum in the package's types, which erasable syntax cannot import: 2 is Argon2id.
const argon2id = 2 as Algorithm;

/** Argon2id (RFC 9106) in the bounded queue. */
export class PasswordHashes {
  readonly #queue: HashQueue;
  readonly #parameters: Argon2idParameters;
  /** Compared with when there is nobody to compare with, so that both take the same work. */
  readonly #dummy: string;

  private constructor(queue: HashQueue, parameters: Argon2idParameters, dummy: string) {
    this.#queue = queue;
    this.#parameters = parameters;
    this.#dummy = dummy;
  }

  /** Computes the dummy hash first: its cost must be that of the real ones. */
  static async create(queue: HashQueue, parameters: Argon2idParameters): Promise<PasswordHashes> {
    const dummy = await hash(randomBytes(16).toString('hex'), toOptions(parameters));
    return new PasswordHashes(queue, parameters, dummy);
  }

  /** A place for a hash that comes in the turn of the event loop in which it is released. Throws `Problem('busy')`. */
  hold(): Slot {
    return this.#queue.hold();
  }

  /** The PHC string of a new password. */
  async compute(password: AcceptedPassword): Promise<string> {
    return this.#compute(password);
  }

  /** The PHC string of a password that matched an outdated one: whoever has it keeps it, whatever the rules are today. */
  async recompute(provenPassword: string, outdated: string): Promise<string> {
    assert(this.isOutdated(outdated), 'only an outdated hash is computed again');
    return this.#compute(provenPassword.normalize('NFC'));
  }

  /** Whether this is the password; with no hash to compare with, the same work and `false`. */
  async matches(password: string, phc: string | undefined): Promise<boolean> {
    const matched = await this.#queue.run(() => verify(phc ?? this.#dummy, password.normalize('NFC')));
    return matched && phc !== undefined;
  }

  #compute(password: string): Promise<string> {
    return this.#queue.run(() => hash(password, toOptions(this.#parameters)));
  }

  /** Whether the hash was made with other parameters than today's. */
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
