/** Issuing: the row commits with the effect, the secret is computed when the mail is rendered. */
import { addSeconds } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Fragment } from '#platform/database/index.ts';
import type { Keys, Place } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

/** What a token is for; its name is part of what the secret is computed from. */
export type Purpose = 'verify_email';

/** How long each kind of link lives. */
export const tokenLifetimeSeconds: Readonly<Record<Purpose, number>> = { verify_email: 24 * 60 * 60 };

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
      tokenExpiresAt: addSeconds(token.now, tokenLifetimeSeconds[token.purpose]),
    };
  }

  /** The text that is mailed: HMAC-SHA-256(link key, id ‖ purpose). The same at every rendering. */
  secret(tokenId: string, purpose: string, keyId: string): string {
    return formatSecret(secretPrefixes.oneTimeLink, this.#keys.mac('link', `${tokenId}:${purpose}`, keyId));
  }
}
