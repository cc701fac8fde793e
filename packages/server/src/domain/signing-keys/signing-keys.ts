/** The signing keys in use by this process, and their rotation. */
import { maxAccessTokenLifetimeSeconds } from '#domain/clients/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { ReloadOnMiss } from '#kernel/reload-on-miss.ts';
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

/** How long others may cache our JWKS (`Cache-Control: max-age`). */
export const jwksCacheSeconds = 300;

/** A timer calls `refresh` on every node at least this often. */
export const refreshSeconds = 60;

/** Added to the expiry of a retired key's last token, for clock skew and the tolerance of verifiers. */
const toleranceSeconds = 60;

/** The result of a reload. */
export type Reload = { readonly kind: 'reloaded' } | { readonly kind: 'failed'; readonly error: unknown };

export interface SigningKeysDeps extends SigningKeyDeps {
  /**
   * Called after a reload that an unknown or revoked key caused, and when the reload after a revocation or a change has
   * failed.
   */
  readonly onReload?: (reload: Reload) => void;
}

/** A key in the view of operators. */
export interface SigningKeyEntry {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly state: SigningKeyState;
  readonly createdAt: Date;
  readonly activatedAt: Date | null;
  readonly retiredAt: Date | null;
  readonly publishedUntil: Date | null;
}

export type Rotation =
  | { readonly kind: 'rotated'; readonly kid: string; readonly retiredKid: string; readonly publishedUntil: Date }
  /** The next key has not been published for as long as others may cache the JWKS. */
  | { readonly kind: 'too_early'; readonly kid: string; readonly possibleAt: Date }
  | { readonly kind: 'already_rotated' };

export interface RevocationRequest {
  readonly kid: string;
  /** Runs in the transaction of the revocation. */
  readonly record?: RecordRevocation;
}

export interface RotationRequest {
  /** Does not wait until all caches have the next key: resource servers may reject tokens for `jwksCacheSeconds`. */
  readonly immediately?: boolean;
  /** Runs in the transaction of the rotation. */
  readonly record?: RecordPromotion;
}

interface Published {
  readonly jwk: PublicJwk;
  readonly key: VerifyKey;
  /** Undefined for the next and the active key. */
  readonly untilMs: number | undefined;
}

/** All keys, oldest first, without decrypting any. */
export async function listSigningKeys(queries: Queries): Promise<SigningKeyEntry[]> {
  return (await listRows(queries)).map(toEntry);
}

/** The keys of this deployment. Call `open` first. */
export class SigningKeys {
  readonly #deps: SigningKeysDeps;
  #active: SigningKey | undefined;
  #activeSince: Date | undefined;
  #published: ReadonlyMap<string, Published> = new Map();
  #refreshing: Promise<void> = Promise.resolve();
  readonly #onMiss: ReloadOnMiss;

  constructor(deps: SigningKeysDeps) {
    this.#deps = deps;
    const reload = async () => {
      await this.refresh();
      deps.onReload?.({ kind: 'reloaded' });
    };
    this.#onMiss = new ReloadOnMiss({ clock: deps.clock, reload });
  }

  /** Creates missing keys, replaces a next key whose algorithm is not the configured one, and reads all keys. */
  async open(): Promise<this> {
    const rows = await listRows(this.#deps.database);
    if (!rows.some(({ state }) => state === 'active')) await insertFirstKey(this.#deps);
    const { algorithm } = this.#deps;
    const hasNext = rows.some((row) => row.state === 'next' && row.algorithm === algorithm);
    if (!hasNext) await insertNextKey(this.#deps, { replacing: true });
    await this.refresh();
    return this;
  }

  /** The active key, imported once. */
  current(): SigningKey {
    return present(this.#active, 'the active signing key');
  }

  /** When the active key began to sign. */
  get activeSince(): Date {
    return present(this.#activeSince, 'the time of the active signing key');
  }

  /**
   * The public key with this id while it is published, else undefined. An unknown id waits for a reload: after two quick
   * rotations, tokens name a key that other nodes have not read yet. Rejects when the database is unreachable.
   */
  async verifyKey(kid: string): Promise<VerifyKey | undefined> {
    const published = await this.#onMiss.find(kid, (known) => this.#published.get(known));
    return published !== undefined && this.#isPublished(published) ? published.key : undefined;
  }

  /** The keys that verify now. */
  publicKeys(): readonly VerifyKey[] {
    return this.#publishedNow().map(({ key }) => key);
  }

  /**
   * The document at `/.well-known/jwks.json` (RFC 7517 §5): the next and the active key, and retired ones whose tokens
   * may be valid.
   */
  jwks(): { readonly keys: readonly PublicJwk[] } {
    return { keys: this.#publishedNow().map(({ jwk }) => jwk) };
  }

  async list(): Promise<SigningKeyEntry[]> {
    return listSigningKeys(this.#deps.database);
  }

  /** Reads the keys again, and creates a next key if there is none. */
  refresh(): Promise<void> {
    this.#refreshing = this.#loadAfter(this.#refreshing);
    return this.#refreshing;
  }

  /**
   * Activates the next key and retires the active one, erasing its private half. The retired one stays published until
   * the last token that any node signed with it has expired.
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
   * Revokes a key whose private half may be known to others: every node rejects its tokens within a second, and it
   * leaves the JWKS. In place of the active key, the next one signs, also when caches may not have it yet.
   */
  async revoke({ kid, record }: RevocationRequest): Promise<KeyRevocation> {
    const now = this.#deps.clock.now();
    const revocation = await revokeKey(this.#deps, { kid, now }, record);
    await this.#readChange();
    return revocation;
  }

  /** Drops a key that another node has revoked, and reads the keys again, so that it signs nothing more. Idempotent. */
  forget(kid: string): void {
    if (!this.#published.has(kid)) return;
    this.#published = new Map([...this.#published].filter(([known]) => known !== kid));
    this.#reload();
  }

  /** One after another, so that an earlier read never replaces a later one. */
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
    this.#activeSince = row.activatedAt ?? row.createdAt;
    return this.#active?.kid === row.kid ? this.#active : importPair(this.#deps.keys, row);
  }

  #publishedNow(): Published[] {
    return [...this.#published.values()].filter((published) => this.#isPublished(published));
  }

  #isPublished({ untilMs }: Published): boolean {
    return untilMs === undefined || untilMs > this.#deps.clock.now().getTime();
  }

  /** Never throws: a committed change stands, and the next `refresh` reads it. */
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

/** Without the private half: a key that only verifies must not be able to sign. */
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
