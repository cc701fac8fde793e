/** All keys in use by this process. */
import { createHmac, type KeyObject, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { AssertionFailed, assert, present } from '#kernel/assert.ts';
import { type DataKey, type DataKeyDeps, loadDataKeys, type RecordRotation, replaceDataKey } from './data-keys.ts';
import { contextOf, open, readKeyId, seal } from './envelope.ts';
import type { AssociatedData, KeyPurpose, Keys, UserKey } from './keys.ts';
import { assertUse, periodOf } from './purposes.ts';
import { importUserKey, userKeyAssociatedData } from './user-keys.ts';

/**
 * A new key rests this long before it is used, so that every node has read it when the first ciphertext names it.
 * Nodes refresh at least twice in that time.
 */
export const spreadSeconds = 60;

/** Ciphertexts that name unknown keys may come from outside; they cause one read in this time at most. */
const unknownKeyReloadMs = 1000;

const userKeysKept = 1000;

/** What a reload that nobody waits for came to. */
export type Reload = { readonly kind: 'reloaded' } | { readonly kind: 'failed'; readonly error: unknown };

/** What the ring takes. */
export interface KeyRingDeps extends DataKeyDeps {
  /** Told the outcome of a reload that an unknown key id caused. */
  readonly onReload?: (reload: Reload) => void;
}

/** The data keys, and an LRU of users' keys. */
export class KeyRing implements Keys {
  readonly #deps: KeyRingDeps;
  readonly #userKeys = new LRUCache<string, { readonly wrapped: Buffer; readonly key: UserKey }>({ max: userKeysKept });
  #keys: ReadonlyMap<string, DataKey> = new Map();
  /** By purpose and period, the newest first. */
  #slots: ReadonlyMap<string, readonly DataKey[]> = new Map();
  #refreshing: Promise<void> = Promise.resolve();
  #lastReloadMs = Number.NEGATIVE_INFINITY;

  constructor(deps: KeyRingDeps) {
    this.#deps = deps;
  }

  /**
   * Reads the keys again: a timer calls it at least every 30 s, because that is how a rotation reaches this node.
   * It also makes the next month's key.
   */
  refresh(): Promise<void> {
    this.#refreshing = this.#loadAfter(this.#refreshing);
    return this.#refreshing;
  }

  seal(purpose: KeyPurpose, plaintext: string | Uint8Array, place: AssociatedData): Buffer {
    assertUse(purpose, 'seal');
    return seal(this.#current(purpose), plaintext, contextOf(place));
  }

  open(purpose: KeyPurpose, ciphertext: Uint8Array, place: AssociatedData): Buffer {
    assertUse(purpose, 'seal');
    return open(this.#find(purpose, readKeyId(ciphertext)), ciphertext, contextOf(place));
  }

  mac(purpose: KeyPurpose, message: string | Uint8Array, keyId?: string): Buffer {
    assertUse(purpose, 'mac');
    const key: KeyObject = (keyId === undefined ? this.#current(purpose) : this.#find(purpose, keyId)).key;
    return createHmac('sha256', key).update(message).digest();
  }

  currentKeyId(purpose: KeyPurpose): string {
    return this.#current(purpose).id;
  }

  /** Whether there is such a key: to be asked before `mac` when the id came from a client. */
  knows(purpose: KeyPurpose, keyId: string): boolean {
    const known = this.#keys.get(keyId)?.purpose === purpose;
    if (!known) this.#reloadSoon();
    return known;
  }

  /** Makes a new current key of a purpose; this and the other nodes begin to use it after `spreadSeconds`. */
  async rotateDataKey(purpose: KeyPurpose, record?: RecordRotation): Promise<'rotated' | 'already_rotated'> {
    const outcome = await replaceDataKey(this.#deps, purpose, record);
    await this.refresh();
    return outcome;
  }

  createUserKey(userId: string): { readonly key: UserKey; readonly wrapped: Buffer } {
    const bytes = randomBytes(32);
    const wrapped = this.seal('user_key', bytes, userKeyAssociatedData(userId));
    return { key: importUserKey(userId, bytes), wrapped };
  }

  unwrapUserKey(userId: string, wrapped: Uint8Array): UserKey {
    const kept = this.#userKeys.get(userId);
    if (kept?.wrapped.equals(wrapped)) return kept.key;
    const key = importUserKey(userId, this.open('user_key', wrapped, userKeyAssociatedData(userId)));
    this.#userKeys.set(userId, { wrapped: copyOf(wrapped), key });
    return key;
  }

  /** Drops a user's key from memory; part of erasing the user. */
  forgetUserKey(userId: string): void {
    this.#userKeys.delete(userId);
  }

  #current(purpose: KeyPurpose): DataKey {
    const now = this.#deps.clock.now();
    const keys = this.#slots.get(slotOf(purpose, periodOf(purpose, now)));
    if (keys === undefined) return this.#newest(purpose);
    const restedSince = now.getTime() - spreadSeconds * 1000;
    // The first key of all needs no rest: nodes that started at once have agreed on it before they use it.
    return present(keys.find((key) => key.createdAt.getTime() <= restedSince) ?? keys.at(-1), `the key "${purpose}"`);
  }

  /** For a period without a key, after a clock that jumped over more than a month: an older month's key, for a moment. */
  #newest(purpose: KeyPurpose): DataKey {
    this.#reloadSoon();
    const keys = [...this.#keys.values()].filter((key) => key.purpose === purpose);
    return present(keys.at(-1), `the key "${purpose}"`);
  }

  #find(purpose: KeyPurpose, keyId: string): DataKey {
    const key = this.#keys.get(keyId);
    if (key === undefined) {
      this.#reloadSoon();
      throw new AssertionFailed(`key ${keyId} for "${purpose}" is not known; the keys are read again`);
    }
    assert(key.purpose === purpose, `key ${keyId} is not for "${purpose}"`);
    return key;
  }

  /** One after another, so that what was read earlier never replaces what was read later. */
  async #loadAfter(previous: Promise<void>): Promise<void> {
    await Promise.allSettled([previous]);
    const keys = await loadDataKeys(this.#deps, this.#keys);
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.#slots = Map.groupBy(keys.toReversed(), ({ purpose, period }) => slotOf(purpose, period));
  }

  /** Another node may have rotated while this one could not refresh; sealing and opening cannot wait for that. */
  #reloadSoon(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#lastReloadMs < unknownKeyReloadMs) return;
    this.#lastReloadMs = nowMs;
    const report = this.#deps.onReload ?? (() => undefined);
    this.refresh().then(
      () => report({ kind: 'reloaded' }),
      (error: unknown) => report({ kind: 'failed', error }),
    );
  }
}

/** Opens the keys of a database, making those that are missing. @throws KeysUnusable when the KEK does not fit. */
export async function openKeys(deps: KeyRingDeps): Promise<KeyRing> {
  const ring = new KeyRing(deps);
  await ring.refresh();
  return ring;
}

function slotOf(purpose: string, period: string): string {
  return `${purpose}/${period}`;
}

/** In memory of its own: a small buffer of Node's pool keeps 64 KiB alive, which are 64 MB for a thousand users. */
function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
