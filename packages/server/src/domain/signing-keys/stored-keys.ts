/** The rows of the table `signing_keys`. */
import { revocationsFragment } from '#domain/revocations/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { JsonObject } from '#kernel/json.ts';
import { type Database, type Queries, statement, type Values } from '#platform/database/index.ts';
import type { AssociatedData, Keys } from '#platform/keys/index.ts';
import {
  exportPrivateKey,
  exportPublicJwk,
  generateSigningKeyPair,
  importSigningKey,
  importVerifyKey,
  type PublicJwk,
  type SigningAlgorithm,
  type SigningKey,
  signingAlgorithms,
  type VerifyKey,
} from '#protocol/jose/index.ts';

/** `next` is published and does not sign yet, `active` signs, `retired` is published while its tokens are valid. */
export type SigningKeyState = 'next' | 'active' | 'retired';

export interface SigningKeyDeps {
  readonly database: Database;
  readonly keys: Keys;
  readonly clock: Clock;
  /** The algorithm of new keys. */
  readonly algorithm: SigningAlgorithm;
}

const columns = {
  kid: 'text',
  algorithm: 'text',
  state: 'text',
  publicJwk: 'jsonb',
  sealedPrivateKey: 'bytea?',
  createdAt: 'timestamptz',
  activatedAt: 'timestamptz?',
  retiredAt: 'timestamptz?',
  publishedUntil: 'timestamptz?',
} as const;

export type SigningKeyRow = Values<typeof columns>;

const listAll = statement('signing_keys.list', {
  lane: 'pool',
  idempotent: true,
  sql: `
    select kid, algorithm, state, public_jwk, sealed_private_key, created_at, activated_at, retired_at, published_until
    from signing_keys
    order by created_at, kid`,
  params: {},
  columns,
});

const insertFirst = statement('signing_keys.insert_first', {
  lane: 'pool',
  sql: `
    insert into signing_keys (kid, algorithm, state, public_jwk, sealed_private_key, created_at, activated_at)
    values (:kid, :algorithm, 'active', :publicJwk, :sealedPrivateKey, :now, :now)
    on conflict (state) where state = 'active' do nothing`,
  params: { kid: 'text', algorithm: 'text', publicJwk: 'jsonb', sealedPrivateKey: 'bytea', now: 'timestamptz' },
  columns: {},
});

const insertNext = statement('signing_keys.insert_next', {
  lane: 'pool',
  sql: `
    insert into signing_keys (kid, algorithm, state, public_jwk, sealed_private_key, created_at)
    values (:kid, :algorithm, 'next', :publicJwk, :sealedPrivateKey, :now)`,
  params: { kid: 'text', algorithm: 'text', publicJwk: 'jsonb', sealedPrivateKey: 'bytea', now: 'timestamptz' },
  columns: {},
});

/** Taken before the next or the active key changes, so that there is never more than one of each. */
const lockActive = statement('signing_keys.lock_active', {
  lane: 'pool',
  sql: `select kid from signing_keys where state = 'active' for update`,
  params: {},
  columns: { kid: 'text' },
});

const findNext = statement('signing_keys.find_next', {
  lane: 'pool',
  idempotent: true,
  sql: `select kid, algorithm, created_at from signing_keys where state = 'next'`,
  params: {},
  columns: { kid: 'text', algorithm: 'text', createdAt: 'timestamptz' },
});

const dropNext = statement('signing_keys.drop_next', {
  lane: 'pool',
  sql: `delete from signing_keys where kid = :kid and state = 'next'`,
  params: { kid: 'text' },
  columns: {},
});

const retire = statement('signing_keys.retire', {
  lane: 'pool',
  sql: `
    update signing_keys
    set state = 'retired', retired_at = :now, published_until = :publishedUntil, sealed_private_key = null
    where kid = :kid and state = 'active'`,
  params: { kid: 'text', now: 'timestamptz', publishedUntil: 'timestamptz' },
  columns: {},
});

const activate = statement('signing_keys.activate', {
  lane: 'pool',
  sql: `update signing_keys set state = 'active', activated_at = :now where kid = :kid and state = 'next'`,
  params: { kid: 'text', now: 'timestamptz' },
  columns: {},
});

/** Read after the lock of the active key, so that a transaction that waited sees the current state. */
const lockKey = statement('signing_keys.lock', {
  lane: 'pool',
  sql: `select state from signing_keys where kid = :kid for update`,
  params: { kid: 'text' },
  columns: { state: 'text' },
});

const announced = revocationsFragment('signing_key', 'revoked');

// A revoked key is retired and no longer published. The conditions are evaluated again under the lock.
const revoke = statement('signing_keys.revoke', {
  lane: 'pool',
  sql: `with revoked as (
      update signing_keys
      set state = 'retired', retired_at = coalesce(retired_at, :endedAt), published_until = :endedAt,
        sealed_private_key = null
      where kid = :kid and (state <> 'retired' or published_until > :endedAt)
      returning kid),
    ${announced.sql}
    select kid from revoked`,
  params: { kid: 'text', ...announced.params },
  columns: { kid: 'text' },
  after: { revokes: { kind: 'signing_key', target: 'kid' } },
});

/** All keys, oldest first. */
export function listRows(database: Queries): Promise<SigningKeyRow[]> {
  return database.rows(listAll, {});
}

/** Creates the first active key unless there is one; of several concurrent nodes one succeeds. */
export async function insertFirstKey(deps: SigningKeyDeps): Promise<void> {
  await deps.database.run(insertFirst, await makeRow(deps));
}

/**
 * Creates a next key unless there is one. With `replacing`, a next key of another algorithm than the configured one is
 * replaced: it has signed nothing.
 */
export async function insertNextKey(deps: SigningKeyDeps, options: { readonly replacing: boolean }): Promise<void> {
  const fresh = await makeRow(deps);
  await deps.database.transaction(async (tx) => {
    await tx.row(lockActive, {});
    const next = await tx.row(findNext, {});
    if (next !== undefined && (!options.replacing || next.algorithm === deps.algorithm)) return;
    if (next !== undefined) await tx.run(dropNext, { kid: next.kid });
    await tx.run(insertNext, fresh);
  });
}

export type Promotion =
  | { readonly kind: 'promoted'; readonly kid: string; readonly retiredKid: string }
  | { readonly kind: 'too_young'; readonly kid: string; readonly createdAt: Date }
  /** Another node has just promoted it. */
  | { readonly kind: 'no_next' };

/** Records a promotion in its transaction. */
export type RecordPromotion = (
  tx: Queries,
  promoted: { readonly kid: string; readonly retiredKid: string },
) => Promise<void>;

/** Retires the active key, erasing its private half, and activates the next one if it was created before a time. */
export function promoteNextKey(
  database: Database,
  times: { readonly now: Date; readonly publishedUntil: Date; readonly madeBefore: Date },
  record?: RecordPromotion,
): Promise<Promotion> {
  const { now, publishedUntil, madeBefore } = times;
  return database.transaction(async (tx) => {
    const active = await tx.row(lockActive, {});
    const next = await tx.row(findNext, {});
    if (active === undefined || next === undefined) return { kind: 'no_next' };
    const { kid, createdAt } = next;
    if (createdAt.getTime() > madeBefore.getTime()) return { kind: 'too_young', kid, createdAt };
    await tx.run(retire, { kid: active.kid, now, publishedUntil });
    await tx.run(activate, { kid, now });
    await record?.(tx, { kid, retiredKid: active.kid });
    return { kind: 'promoted', kid, retiredKid: active.kid };
  });
}

/** The result of a revocation. `was`: the state of the key until then. */
export type KeyRevocation =
  | { readonly kind: 'revoked'; readonly was: SigningKeyState }
  /** There is no such key. */
  | { readonly kind: 'unknown' }
  /** It does not verify any more. */
  | { readonly kind: 'dead_already' };

/** Records a revocation in its transaction. */
export type RecordRevocation = (
  tx: Queries,
  revoked: { readonly kid: string; readonly was: SigningKeyState },
) => Promise<void>;

/** Revokes a key, erasing its private half; in place of the active key, the next one signs. */
export async function revokeKey(
  deps: SigningKeyDeps,
  { kid, now }: { readonly kid: string; readonly now: Date },
  record?: RecordRevocation,
): Promise<KeyRevocation> {
  const fresh = await makeRow(deps);
  return deps.database.transaction(async (tx) => {
    await tx.row(lockActive, {});
    const found = await tx.row(lockKey, { kid });
    if (found === undefined) return { kind: 'unknown' };
    const was = found.state as SigningKeyState;
    if ((await tx.row(revoke, { kid, endedAt: now })) === undefined) return { kind: 'dead_already' };
    if (was === 'active') await activateNext(tx, fresh, now);
    await record?.(tx, { kid, was });
    return { kind: 'revoked', was };
  });
}

/**
 * After a very recent rotation there is no next key. A key that no node knows yet signs then, and is read when a token
 * names it.
 */
async function activateNext(tx: Queries, fresh: Awaited<ReturnType<typeof makeRow>>, now: Date): Promise<void> {
  const next = await tx.row(findNext, {});
  if (next === undefined) await tx.run(insertNext, fresh);
  await tx.run(activate, { kid: next?.kid ?? fresh.kid, now });
}

async function makeRow({ keys, clock, algorithm }: SigningKeyDeps) {
  const pair = await generateSigningKeyPair(algorithm);
  const pkcs8 = exportPrivateKey(pair);
  const sealedPrivateKey = keys.seal('signing_key', pkcs8, associatedDataOf(pair.kid));
  pkcs8.fill(0);
  const publicJwk: JsonObject = { ...exportPublicJwk(pair) };
  return { kid: pair.kid, algorithm, publicJwk, sealedPrivateKey, now: clock.now() };
}

/**
 * The pair of a row with a private half. The public key is derived from that, because only the private half is
 * authenticated.
 */
export function importPair(keys: Keys, { kid, algorithm, sealedPrivateKey }: SigningKeyRow): SigningKey {
  assert(sealedPrivateKey !== null, `signing key ${kid} has no private half`);
  const pkcs8 = keys.open('signing_key', sealedPrivateKey, associatedDataOf(kid));
  const pair = importSigningKey({ kid, alg: toAlgorithm(algorithm), pkcs8 });
  pkcs8.fill(0);
  return pair;
}

/** The public key of a retired row. */
export function importRetired({ kid, publicJwk }: SigningKeyRow): VerifyKey {
  const key = importVerifyKey(publicJwk as unknown as PublicJwk);
  assert(key.kid === kid, `the public key of signing key ${kid} is another's`);
  return key;
}

/** The text of a column whose values a constraint limits. */
export function toAlgorithm(text: string): SigningAlgorithm {
  const algorithm = signingAlgorithms.find((known) => known === text);
  assert(algorithm !== undefined, `signing algorithm "${text}" is not known`);
  return algorithm;
}

function associatedDataOf(kid: string): AssociatedData {
  return { table: 'signing_keys', column: 'sealed_private_key', row: kid };
}
