/** The signing keys in use by this process, and how they change. */
import { maxAccessTokenLifetimeSeconds } from '#domain/clients/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { Queries } from '#platform/database/index.ts';
import {
  exportPublicJwk,
  type PublicJwk,
  type SigningAlgorithm,
  type SigningKey,
  type VerifyKey,
} from '#protocol/jose/index.ts';
import {
  importPair,
  importRetired,
  insertFirstKey,
  insertNextKey,
  type KeyRevocation,
  listRows,
  promoteNextKey,
  type RecordPromotion,
  type RecordRevocation,
  revokeKey,
  type SigningKeyDeps,
  type SigningKeyRow,
  type SigningKeyState,
  toAlgorithm,
} from './stored-keys.ts';

/** How long others may keep our JWKS (`Cache-Control: max-age`). */
export const jwksCacheSeconds = 300;

/** Every node reads the keys again at least this often: a timer calls `refresh`. */
export const refreshSeconds = 60;

/** Added to the end of a retired key's last token: clocks differ, and verifiers grant a tolerance. */
const toleranceSeconds = 60;

/** Tokens that name unknown keys come from outside; they cause one read in this time at most. */
const unknownKeyReloadMs = 5000;

/** What a reload that nobody waits for came to. */
export type Reload = { readonly kind: 'reloaded' } | { readonly kind: 'failed'; readonly error: unknown };

/** What `SigningKeys` takes. */
export interface SigningKeysDeps extends SigningKeyDeps {
  /** Told the outcome of a reload that an unknown or a revoked key caused, and that one after a change has failed. */
  readonly onReload?: (reload: Reload) => void;
}

/** A key as operators see it. */
export interface SigningKeyEntry {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly state: SigningKeyState;
  readonly createdAt: Date;
  readonly activatedAt: Date | null;
  readonly retiredAt: Date | null;
  readonly publishedUntil: Date | null;
}

/** What a rotation came to. */
export type Rotation =
  | { readonly kind: 'rotated'; readonly kid: string; readonly retiredKid: string; readonly publishedUntil: Date }
  /** The next key has not been published for as long as others may cache the JWKS. */
  | { readonly kind: 'too_early'; readonly kid: string; readonly possibleAt: Date }
  | { readonly kind: 'already_rotated' };

/** What a revocation is told. */
export interface RevocationRequest {
  readonly kid: string;
  /** Runs in the revocation's transaction, so that what it records commits with it. */
  readonly record?: RecordRevocation;
}

/** What a rotation is told. */
export interface RotationRequest {
  /** Does not wait until all caches have the next key: resource servers may refuse tokens for `jwksCacheSeconds`. */
  readonly immediately?: boolean;
  /** Runs in the rotation's transaction, so that what it records commits with it. */
  readonly record?: RecordPromotion;
}

interface Published {
  readonly jwk: PublicJwk;
  readonly key: VerifyKey;
  /** Undefined while the key is next or active. */
  readonly untilMs: number | undefined;
}

/** All keys that ever were, oldest first, without opening any. */
export async function listSigningKeys(queries: Queries): Promise<SigningKeyEntry[]> {
  return (await listRows(queries)).map(toEntry);
}

/** The keys of this deployment. `open` must have been called. */
export class SigningKeys {
  readonly #deps: SigningKeysDeps;
  #active: SigningKey | undefined;
  #published: ReadonlyMap<string, Published> = new Map();
  #refreshing: Promise<void> = Promise.resolve();
  #lastReloadMs = Number.NEGATIVE_INFINITY;

  constructor(deps: SigningKeysDeps) {
    this.#deps = deps;
  }

  /** Makes the keys that are missing, replaces a next key of another algorithm than the configured one, reads all. */
  async open(): Promise<this> {
    const rows = await listRows(this.#deps.database);
    if (!rows.some(({ state }) => state === 'active')) await insertFirstKey(this.#deps);
    const { algorithm } = this.#deps;
    const hasNext = rows.some((row) => row.state === 'next' && row.algorithm === algorithm);
    if (!hasNext) await insertNextKey(this.#deps, { replacing: true });
    await this.refresh();
    return this;
  }

  /** The key that signs, imported once. */
  current(): SigningKey {
    return present(this.#active, 'the active signing key');
  }

  /**
   * The public key of that id while it is published, else undefined.
   * An unknown id makes the keys be read again, so that a key activated in haste by another node is known soon.
   */
  verifyKey(kid: string): VerifyKey | undefined {
    const published = this.#published.get(kid);
    if (published === undefined) this.#reloadSoon();
    return published !== undefined && this.#isPublished(published) ? published.key : undefined;
  }

  /** The keys that verify now. */
  publicKeys(): readonly VerifyKey[] {
    return this.#publishedNow().map(({ key }) => key);
  }

  /** The document at `/.well-known/jwks.json` (RFC 7517 §5): next, active and retired keys whose tokens may live. */
  jwks(): { readonly keys: readonly PublicJwk[] } {
    return { keys: this.#publishedNow().map(({ jwk }) => jwk) };
  }

  /** All keys that ever were, oldest first. */
  async list(): Promise<SigningKeyEntry[]> {
    return listSigningKeys(this.#deps.database);
  }

  /** Reads the keys again, making a next key when there is none. */
  refresh(): Promise<void> {
    this.#refreshing = this.#loadAfter(this.#refreshing);
    return this.#refreshing;
  }

  /**
   * Activates the next key and retires the active one, whose private half is erased.
   * The retired one stays published until the last token that any node signed with it has ended.
   */
  async rotate({ immediately = false, record }: RotationRequest = {}): Promise<Rotation> {
    await this.refresh();
    const now = this.#deps.clock.now();
    // Other nodes publish a new key, and stop signing with a retired one, at their next refresh.
    const publishingSeconds = refreshSeconds + jwksCacheSeconds;
    const publishedUntil = addSeconds(now, maxAccessTokenLifetimeSeconds + refreshSeconds + toleranceSeconds);
    const madeBefore = immediately ? now : addSeconds(now, -publishingSeconds);
    const promotion = await promoteNextKey(this.#deps.database, { now, publishedUntil, madeBefore }, record);
    await this.#readChange();
    switch (promotion.kind) {
      case 'promoted':
        return { kind: 'rotated', kid: promotion.kid, retiredKid: promotion.retiredKid, publishedUntil };
      case 'too_young':
        return {
          kind: 'too_early',
          kid: promotion.kid,
          possibleAt: addSeconds(promotion.createdAt, publishingSeconds),
        };
      case 'no_next':
        return { kind: 'already_rotated' };
    }
  }

  /**
   * Ends a key whose private half may be known to others: every node refuses what it signed within a second, and it
   * leaves the JWKS. If it was the active one, the next one signs, also when caches may not have it yet.
   */
  async revoke({ kid, record }: RevocationRequest): Promise<KeyRevocation> {
    const now = this.#deps.clock.now();
    const revocation = await revokeKey(this.#deps, { kid, now }, record);
    await this.#readChange();
    return revocation;
  }

  /**
   * Forgets a key that another node has revoked, and reads the keys again, so that it signs nothing more.
   * Told of one key several times, it does that once.
   */
  forget(kid: string): void {
    if (!this.#published.has(kid)) return;
    this.#published = new Map([...this.#published].filter(([known]) => known !== kid));
    this.#reload();
  }

  /** One after another, so that what was read earlier never replaces what was read later. */
  async #loadAfter(previous: Promise<void>): Promise<void> {
    await Promise.allSettled([previous]);
    let rows = await listRows(this.#deps.database);
    if (!rows.some(({ state }) => state === 'next')) {
      await insertNextKey(this.#deps, { replacing: false });
      rows = await listRows(this.#deps.database);
    }
    const nowMs = this.#deps.clock.now().getTime();
    const live = rows.filter((row) => (endOf(row) ?? Number.POSITIVE_INFINITY) > nowMs);
    const imported = live.map((row) => this.#import(row));
    this.#published = new Map(imported.map((published) => [published.key.kid, published]));
    this.#active = this.#importActive(rows);
  }

  #import(row: SigningKeyRow): Published {
    const known = this.#published.get(row.kid);
    const key =
      known?.key ?? (row.state === 'retired' ? importRetired(row) : toVerifyKey(importPair(this.#deps.keys, row)));
    return { key, jwk: known?.jwk ?? exportPublicJwk(key), untilMs: endOf(row) };
  }

  #importActive(rows: readonly SigningKeyRow[]): SigningKey {
    const row = present(
      rows.find(({ state }) => state === 'active'),
      'the active signing key',
    );
    return this.#active?.kid === row.kid ? this.#active : importPair(this.#deps.keys, row);
  }

  #publishedNow(): Published[] {
    return [...this.#published.values()].filter((published) => this.#isPublished(published));
  }

  #isPublished({ untilMs }: Published): boolean {
    return untilMs === undefined || untilMs > this.#deps.clock.now().getTime();
  }

  #reloadSoon(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#lastReloadMs < unknownKeyReloadMs) return;
    this.#lastReloadMs = nowMs;
    this.#reload();
  }

  /** Never fails: a change that has committed stands, and who cannot read it now reads it with the next `refresh`. */
  async #readChange(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      this.#deps.onReload?.({ kind: 'failed', error });
    }
  }

  #reload(): void {
    const report = this.#deps.onReload ?? (() => undefined);
    this.refresh().then(
      () => report({ kind: 'reloaded' }),
      (error: unknown) => report({ kind: 'failed', error }),
    );
  }
}

/** Without the private half: what only verifies shall not be able to sign. */
function toVerifyKey({ kid, alg, publicKey }: SigningKey): VerifyKey {
  return { kid, alg, publicKey };
}

function endOf({ state, publishedUntil }: SigningKeyRow): number | undefined {
  return state === 'retired' ? (publishedUntil?.getTime() ?? 0) : undefined;
}

function toEntry(row: SigningKeyRow): SigningKeyEntry {
  const { kid, state, createdAt, activatedAt, retiredAt, publishedUntil } = row;
  const algorithm = toAlgorithm(row.algorithm);
  return { kid, algorithm, state: state as SigningKeyState, createdAt, activatedAt, retiredAt, publishedUntil };
}
