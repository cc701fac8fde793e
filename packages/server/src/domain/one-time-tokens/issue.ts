/** Issuing: the row commits with the effect, the secret is computed when the mail is rendered. */
import { linksOutlivingEpoch } from '#domain/users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Fragment, type Queries, statement, type Values } from '#platform/database/index.ts';
import type { Keys, Place } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

/** What a token is for; its name is part of what the secret is computed from. */
export type Purpose = 'verify_email' | 'reset_password' | 'confirm_email_change' | 'undo_email_change' | 'keep_account';

/** How long each kind of link lives. */
export const tokenLifetimeSeconds: Readonly<Record<Purpose, number>> = {
  verify_email: 24 * 60 * 60,
  reset_password: 60 * 60,
  confirm_email_change: 24 * 60 * 60,
  undo_email_change: 72 * 60 * 60,
  // As long as the longest grace period: whoever closes the account says when it ends.
  keep_account: 90 * 24 * 60 * 60,
};

/** Links that outlive their user's epoch, because they exist to defeat whoever raised it (DESIGN §5.4). */
export const outlivesEpoch: readonly Purpose[] = linksOutlivingEpoch;

/** Where a token's payload stands; authenticated with its ciphertext. */
export function tokenPlace(tokenId: string): Place {
  return { table: 'one_time_tokens', column: 'sealed_payload', row: tokenId };
}

const params = {
  tokenId: 'uuid',
  tokenPurpose: 'text',
  tokenHash: 'bytea',
  tokenKeyId: 'uuid',
  tokenUserId: 'uuid',
  tokenIdentifierId: 'uuid?',
  tokenEpoch: 'int4',
  tokenSealedPayload: 'bytea?',
  tokenCreatedAt: 'timestamptz',
  tokenExpiresAt: 'timestamptz',
} as const;

/** The CTE `issued`: the token's row, if the CTE `from` has a row. */
export function insertTokenFragment(from: string): Fragment<typeof params> {
  return {
    sql: `issued as (
      insert into one_time_tokens (id, purpose, hash, key_id, user_id, identifier_id, auth_epoch, sealed_payload,
        created_at, expires_at)
      select :tokenId, :tokenPurpose, :tokenHash, :tokenKeyId, :tokenUserId, :tokenIdentifierId, :tokenEpoch,
        :tokenSealedPayload, :tokenCreatedAt, :tokenExpiresAt
      from (select from ${from} limit 1) as cause
      returning id)`,
    params,
  };
}

const insert = statement('one_time_tokens.issue', {
  lane: 'pool',
  sql: `with cause as (select 1 as one), ${insertTokenFragment('cause').sql} select id from issued`,
  params,
  columns: { id: 'uuid' },
});

/** Issues a token within an effect's transaction, from `OneTimeTokens.values`. */
export async function issueToken(tx: Queries, values: Values<typeof params>): Promise<void> {
  await tx.row(insert, values);
}

/** Computes tokens. */
export class OneTimeTokens {
  readonly #keys: Keys;
  readonly #makeId: MakeId;

  constructor(dependencies: { readonly keys: Keys; readonly makeId: MakeId }) {
    this.#keys = dependencies.keys;
    this.#makeId = dependencies.makeId;
  }

  /** A token's id, to be known before the rest of its row is. */
  newId(): string {
    return this.#makeId();
  }

  /** The values of `insertTokenFragment`. */
  values(token: {
    readonly id: string;
    readonly purpose: Purpose;
    readonly userId: string;
    readonly identifierId: string | null;
    readonly authEpoch: number;
    readonly sealedPayload: Buffer | null;
    readonly now: Date;
    /** Instead of the purpose's own lifetime. */
    readonly expiresAt?: Date;
  }) {
    const keyId = this.#keys.currentKeyId('link');
    return {
      tokenId: token.id,
      tokenPurpose: token.purpose,
      tokenHash: hashSecret(this.secret(token.id, token.purpose, keyId)),
      tokenKeyId: keyId,
      tokenUserId: token.userId,
      tokenIdentifierId: token.identifierId,
      tokenEpoch: token.authEpoch,
      tokenSealedPayload: token.sealedPayload,
      tokenCreatedAt: token.now,
      tokenExpiresAt: token.expiresAt ?? addSeconds(token.now, tokenLifetimeSeconds[token.purpose]),
    };
  }

  /** The text that is mailed: HMAC-SHA-256(link key, id ‖ purpose). The same at every rendering. */
  secret(tokenId: string, purpose: string, keyId: string): string {
    return formatSecret(secretPrefixes.oneTimeLink, this.#keys.mac('link', `${tokenId}:${purpose}`, keyId));
  }
}
