import { type Queries, statement, type Values } from '#platform/database/index.ts';
import { hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { type CodePurpose, outlivesEpoch, type Purpose } from './issue.ts';

/** A token that is active, or was until `consume` used it. */
export interface OneTimeToken {
  readonly id: string;
  readonly userId: string;
  readonly identifierId: string | null;
  readonly sealedPayload: Buffer | null;
  /** Of a verification link: the registration that it confirms. */
  readonly registrationId: string | null;
  /** Of such a link: the browser of the registration, encrypted. */
  readonly sealedDevice: Buffer | null;
  /** The epoch of its issue. It orders the links of a user; ids and times are those of different nodes. */
  readonly authEpoch: number;
  /** SHA-256 of the secret of the only browser that may use it; null when any browser may. */
  readonly browserHash: Buffer | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** The locale of its user, for the page that the link opens. */
  readonly locale: string;
}

/** A token that is active, for a page. */
export interface ActiveToken extends OneTimeToken {
  /** The address that it concerns, as typed; else the user's. */
  readonly address: string | null;
}

const columns = {
  id: 'uuid',
  userId: 'uuid',
  identifierId: 'uuid?',
  authEpoch: 'int4',
  sealedPayload: 'bytea?',
  registrationId: 'uuid?',
  sealedDevice: 'bytea?',
  browserHash: 'bytea?',
  createdAt: 'timestamptz',
  expiresAt: 'timestamptz',
  locale: 'text',
} as const;

const outliving = outlivesEpoch.map((purpose) => `'${purpose}'`).join(', ');
const isActive = `t.hash = :hash and t.purpose = :purpose and t.consumed_at is null and t.expires_at > :now
  and u.id = t.user_id and u.status <> 'disabled' and (u.deletes_at is null or u.deletes_at > :now)
  and (u.auth_epoch = t.auth_epoch or t.purpose in (${outliving}))`;

const consumeToken = statement('one_time_tokens.consume', {
  lane: 'pool',
  sql: `update one_time_tokens t set consumed_at = :now, outcome = :outcome from users u
    where ${isActive} and t.browser_hash is not distinct from :browserHash::bytea
    returning t.id, t.user_id, t.identifier_id, t.auth_epoch, t.sealed_payload, t.registration_id, t.sealed_device, t.browser_hash,
      t.created_at, t.expires_at, u.locale`,
  params: { hash: 'bytea', purpose: 'text', browserHash: 'bytea?', outcome: 'text', now: 'timestamptz' },
  columns,
});

const findToken = statement('one_time_tokens.find_active', {
  lane: 'read',
  sql: `select t.id, t.user_id, t.identifier_id, t.auth_epoch, t.sealed_payload, t.registration_id, t.sealed_device, t.browser_hash,
      t.created_at, t.expires_at, u.locale, coalesce(
        (select i.as_typed from identifiers i where i.id = t.identifier_id),
        (select i.as_typed from identifiers i where i.user_id = t.user_id and i.kind = 'email' and i.is_primary)) as address
    from one_time_tokens t, users u where ${isActive}`,
  params: { hash: 'bytea', purpose: 'text', now: 'timestamptz' },
  columns: { ...columns, address: 'text?' },
});

const revokeOthersOfPurpose = statement('one_time_tokens.revoke_others', {
  lane: 'pool',
  sql: `update one_time_tokens set consumed_at = :now, outcome = 'replaced'
    where user_id = :userId and purpose = :purpose and consumed_at is null`,
  params: { userId: 'uuid', purpose: 'text', now: 'timestamptz' },
  columns: {},
});

interface UseOptions {
  readonly outcome?: 'used' | 'disowned';
  /** SHA-256 of the secret of the requesting browser, for a token that is bound to one. */
  readonly browserHash?: Buffer | null;
}

/**
 * Uses a token in the transaction of its effect. Of concurrent calls exactly one returns the token.
 * Returns undefined when it is unknown, used, revoked or expired, belongs to an earlier epoch, to a disabled user or
 * to one whose grace period has ended, or is bound to another browser.
 */
export async function consume(
  tx: Queries,
  purpose: Purpose,
  text: string,
  now: Date,
  { outcome = 'used', browserHash = null }: UseOptions = {},
): Promise<OneTimeToken | undefined> {
  if (parseSecret(secretPrefixes.oneTimeLink, text) === null) return undefined;
  return tx.row(consumeToken, { hash: hashSecret(text), purpose, browserHash, outcome, now });
}

/** Uses a code as `consume` uses a link; `hash` is `OneTimeTokens.codeHash` of the typed code. */
export async function consumeCode(
  tx: Queries,
  purpose: CodePurpose,
  { hash, browserHash }: { readonly hash: Buffer; readonly browserHash: Buffer },
  now: Date,
): Promise<OneTimeToken | undefined> {
  return tx.row(consumeToken, { hash, purpose, browserHash, outcome: 'used', now });
}

/** Returns the token of a link without using it, for the page that the link opens. */
export async function findActive(
  queries: Queries,
  purpose: Purpose,
  text: string,
  now: Date,
): Promise<ActiveToken | undefined> {
  if (parseSecret(secretPrefixes.oneTimeLink, text) === null) return undefined;
  return queries.row(findToken, { hash: hashSecret(text), purpose, now });
}

const usedColumns = {
  id: 'uuid',
  userId: 'uuid',
  identifierId: 'uuid?',
  sealedPayload: 'bytea?',
  registrationId: 'uuid?',
  wasDisowned: 'bool',
  locale: 'text',
  addressIsPrimary: 'bool',
  addressIsVerified: 'bool',
  epochsSince: 'int4',
  usedAt: 'timestamptz?',
  primaryAddress: 'text?',
  userStatus: 'text',
} as const;

const findUsedToken = statement('one_time_tokens.find_used', {
  lane: 'read',
  sql: `select t.id, t.user_id, t.identifier_id, t.sealed_payload, t.registration_id, t.outcome = 'disowned' as was_disowned, u.locale,
      coalesce(i.is_primary, false) as address_is_primary, i.verified_at is not null as address_is_verified,
      u.auth_epoch - t.auth_epoch as epochs_since, t.consumed_at as used_at,
      (select p.canonical from identifiers p
        where p.user_id = u.id and p.kind = 'email' and p.is_primary) as primary_address, u.status as user_status
    from one_time_tokens t join users u on u.id = t.user_id left join identifiers i on i.id = t.identifier_id
    where t.hash = :hash and t.purpose = :purpose and t.outcome in ('used', 'disowned') and u.status <> 'disabled'`,
  params: { hash: 'bytea', purpose: 'text' },
  columns: usedColumns,
});

/** A link that was used, with what shows whether its effect still holds. */
export type UsedToken = Values<typeof usedColumns>;

/** Returns a link that was used or disowned, for the page that it opens: pressing it twice is no error. */
export async function findUsed(queries: Queries, purpose: Purpose, text: string): Promise<UsedToken | undefined> {
  if (parseSecret(secretPrefixes.oneTimeLink, text) === null) return undefined;
  return queries.row(findUsedToken, { hash: hashSecret(text), purpose });
}

const erase = statement('one_time_tokens.erase_payloads', {
  lane: 'pool',
  sql: `update one_time_tokens set sealed_payload = null, sealed_device = null
    where user_id = :userId and purpose = :purpose and (sealed_payload is not null or sealed_device is not null)`,
  params: { userId: 'uuid', purpose: 'text' },
  columns: {},
});

/** Erases the payloads of the user's tokens of this purpose, used or not. Call it after the last use of a payload. */
export async function erasePayloads(tx: Queries, userId: string, purpose: Purpose): Promise<void> {
  await tx.run(erase, { userId, purpose });
}

/** Revokes the user's remaining tokens of this purpose. */
export async function revokeOthers(tx: Queries, userId: string, purpose: Purpose, now: Date): Promise<void> {
  await tx.run(revokeOthersOfPurpose, { userId, purpose, now });
}

const revokeOfUser = statement('one_time_tokens.revoke_of_user', {
  lane: 'pool',
  sql: `update one_time_tokens set consumed_at = :now, outcome = 'replaced'
    where user_id = :userId and consumed_at is null and purpose not in (${outliving})`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

/**
 * Revokes the user's tokens except those that outlive the epoch. A higher epoch already makes them inactive; this also
 * records the outcome `replaced` on each row.
 */
export async function revokeLinksOfUser(tx: Queries, userId: string, now: Date): Promise<void> {
  await tx.run(revokeOfUser, { userId, now });
}
