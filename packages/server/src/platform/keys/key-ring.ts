/** The data keys and recently used user keys of this process, in memory. */
import { createHmac, type KeyObject, randomBytes } from 'node:crypto';
import { AssertionFailed, assert, present } from '#kernel/assert.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import { type DataKey, type DataKeyDeps, loadDataKeys, type RecordRotation, replaceDataKey } from './data-keys.ts';
import { contextOf, open, readKeyId, seal } from './envelope.ts';
import type { AssociatedData, KeyOwner, KeyPurpose, Keys, UserKey } from './keys.ts';
import { assertUse, periodOf } from './purposes.ts';
import { importPersonalKey, wrappedKeyAssociatedData } from './user-keys.ts';

/**
 * Delay between the creation of a key and its first use, so that every node has read the key before a ciphertext names it.
 * Nodes refresh at least twice in that time.
 */
export const spreadSeconds = 60;

/** Clients can send ciphertexts with unknown key ids; at most one reload is started per this interval. */
const unknownKeyReloadMs = 1000;

const maxCachedUserKeys = 1000;

/** The outcome of a background reload. */
export type Reload = { readonly kind: 'reloaded' } | { readonly kind: 'failed'; readonly error: unknown };

export interface KeyRingDeps extends DataKeyDeps {
  /** Called after a reload that an unknown key id started. */
  readonly onReload?: (reload: Reload) => void;
}

export class KeyRing implements Keys {
  readonly #deps: KeyRingDeps;
  readonly #userKeys = boundedCache<string, { readonly wrapped: Buffer; readonly key: UserKey }>(maxCachedUserKeys);
  #keys: ReadonlyMap<string, DataKey> = new Map();
  /** Keys by purpose and period, newest first. */
  #slots: ReadonlyMap<string, readonly DataKey[]> = new Map();
  #refreshing: Promise<void> = Promise.resolve();
  #lastReloadMs = Number.NEGATIVE_INFINITY;

  constructor(deps: KeyRingDeps) {
    this.#deps = deps;
  }

  /**
   * Reads the keys again and generates the next month's key. A timer must call it at least every 30 s, so that a rotation
   * on another node reaches this one within `spreadSeconds`.
   */
  refresh(): Promise<void> {
    this.#refreshing = this.#loadAfter(this.#refreshing);
    return this.#refreshing;
  }

  seal(purpose: KeyPurpose, plaintext: string | Uint8Array, associatedData: AssociatedData): Buffer {
    assertUse(purpose, 'seal');
    return seal(this.#current(purpose), plaintext, contextOf(associatedData));
  }

  open(purpose: KeyPurpose, ciphertext: Uint8Array, associatedData: AssociatedData): Buffer {
    assertUse(purpose, 'seal');
    return open(this.#find(purpose, readKeyId(ciphertext)), ciphertext, contextOf(associatedData));
  }

  mac(purpose: KeyPurpose, message: string | Uint8Array, keyId?: string): Buffer {
    assertUse(purpose, 'mac');
    const key: KeyObject = (keyId === undefined ? this.#current(purpose) : this.#find(purpose, keyId)).key;
    return createHmac('sha256', key).update(message).digest();
  }

  currentKeyId(purpose: KeyPurpose): string {
    return this.#current(purpose).id;
  }

  keyIds(purpose: KeyPurpose): readonly string[] {
    return [...this.#keys.values()].filter((key) => key.purpose === purpose).map(({ id }) => id);
  }

  /** Whether a key exists. Call it before `mac` when the id came from a client, because `mac` throws for unknown ids. */
  knows(purpose: KeyPurpose, keyId: string): boolean {
    const known = this.#keys.get(keyId)?.purpose === purpose;
    if (!known) this.#reloadSoon();
    return known;
  }

  /** Generates a new current key for a purpose. All nodes start to use it after `spreadSeconds`. */
  async rotateDataKey(purpose: KeyPurpose, record?: RecordRotation): Promise<'rotated' | 'already_rotated'> {
    const outcome = await replaceDataKey(this.#deps, purpose, record);
    await this.refresh();
    return outcome;
  }

  createUserKey(userId: string): { readonly key: UserKey; readonly wrapped: Buffer } {
    return this.createKeyFor({ kind: 'user', id: userId });
  }

  createKeyFor(owner: KeyOwner): { readonly key: UserKey; readonly wrapped: Buffer } {
    const bytes = randomBytes(32);
    const wrapped = this.seal('user_key', bytes, wrappedKeyAssociatedData(owner));
    return { key: importPersonalKey(owner, bytes), wrapped };
  }

  unwrapUserKey(userId: string, wrapped: Uint8Array): UserKey {
    const cached = this.#userKeys.get(userId);
    if (cached?.wrapped.equals(wrapped)) return cached.key;
    const owner = { kind: 'user', id: userId } as const;
    const key = importPersonalKey(owner, this.open('user_key', wrapped, wrappedKeyAssociatedData(owner)));
    this.#userKeys.set(userId, { wrapped: copyOf(wrapped), key });
    return key;
  }

  /** Removes a user's key from memory; part of erasing the user. */
  forgetUserKey(userId: string): void {
    this.#userKeys.delete(userId);
  }

  #current(purpose: KeyPurpose): DataKey {
    const now = this.#deps.clock.now();
    const keys = this.#slots.get(slotOf(purpose, periodOf(purpose, now)));
    if (keys === undefined) return this.#newest(purpose);
    const spreadBefore = now.getTime() - spreadSeconds * 1000;
    // The oldest key needs no delay: every node reads the keys before it starts to use them.
    return present(keys.find((key) => key.createdAt.getTime() <= spreadBefore) ?? keys.at(-1), `the key "${purpose}"`);
  }

  /** The newest key of any period, until the reload has generated one for this period (after a clock jump over months). */
  #newest(purpose: KeyPurpose): DataKey {
    this.#reloadSoon();
    const keys = [...this.#keys.values()].filter((key) => key.purpose === purpose);
    return present(keys.at(-1), `the key "${purpose}"`);
  }

  #find(purpose: KeyPurpose, keyId: string): DataKey {
    const key = this.#keys.get(keyId);
    if (key === undefined) {
      this.#reloadSoon();
      throw new AssertionFailed(`key ${keyId} for "${purpose}" is unknown; a reload was started`);
    }
    assert(key.purpose === purpose, `key ${keyId} is not for "${purpose}"`);
    return key;
  }

  /** Loads run one after another, so that an older result never replaces a newer one. */
  async #loadAfter(previous: Promise<void>): Promise<void> {
    await Promise.allSettled([previous]);
    const keys = await loadDataKeys(this.#deps, this.#keys);
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.#slots = Map.groupBy(keys.toReversed(), ({ purpose, period }) => slotOf(purpose, period));
  }

  /** Starts a reload in the background: another node may have rotated, and `seal` and `open` are synchronous. */
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

/** Loads the keys of a database and generates missing ones. @throws KeysUnusable when the KEK does not fit. */
export async function openKeys(deps: KeyRingDeps): Promise<KeyRing> {
  const ring = new KeyRing(deps);
  await ring.refresh();
  return ring;
}

function slotOf(purpose: string, period: string): string {
  return `${purpose}/${period}`;
}

/** Copies outside Node's buffer pool: a pooled slice retains 64 KiB, which would be 64 MB for a thousand users. */
function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
