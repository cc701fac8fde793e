/** Issuing: the row commits with the effect, the secret is computed when the mail is rendered. */
import { linksOutlivingEpoch } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Fragment, type Queries, statement, type Values } from '#platform/database/index.ts';
import type { AssociatedData, Keys } from '#platform/keys/index.ts';
import { digitCode } from '#protocol/digit-code/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

/** What a token is for; its name is part of what the secret is computed from. */
export type Purpose =
  | 'verify_email'
  | 'reset_password'
  | 'confirm_email_change'
  | 'undo_email_change'
  | 'cancel_deletion'
  | 'magic_link'
  | 'email_code';

/** How long each kind of link or code lives. */
export const tokenLifetimeSeconds: Readonly<Record<Purpose, number>> = {
  verify_email: 24 * 60 * 60,
  reset_password: 60 * 60,
  confirm_email_change: 24 * 60 * 60,
  undo_email_change: 72 * 60 * 60,
  // As long as the longest grace period: whoever closes the account says when it ends.
  cancel_deletion: 90 * 24 * 60 * 60,
  // At most, as settings can make it shorter: whoever asks is waiting.
  magic_link: 10 * 60,
  email_code: 10 * 60,
};

/** Links that outlive their user's epoch, because they exist to defeat whoever raised it (invariant 4). */
export const outlivesEpoch: readonly Purpose[] = linksOutlivingEpoch;

/** Where a token's payload stands; authenticated with its ciphertext. */
export function tokenAssociatedData(tokenId: string): AssociatedData {
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
  tokenBrowserHash: 'bytea?',
  tokenCreatedAt: 'timestamptz',
  tokenExpiresAt: 'timestamptz',
} as const;

/** The CTE `issued`: the token's row, if the CTE `from` has a row. */
export function insertTokenFragment(from: string): Fragment<typeof params> {
  return {
    sql: `issued as (
      insert into one_time_tokens (id, purpose, hash, key_id, user_id, identifier_id, auth_epoch, sealed_payload,
        browser_hash, created_at, expires_at)
      select :tokenId, :tokenPurpose, :tokenHash, :tokenKeyId, :tokenUserId, :tokenIdentifierId, :tokenEpoch,
        :tokenSealedPayload, :tokenBrowserHash, :tokenCreatedAt, :tokenExpiresAt
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

/** What a token's secret depends on. */
interface Issued {
  readonly id: string;
  readonly purpose: Purpose;
  readonly browserHash?: Buffer;
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
    /** SHA-256 of the secret of the only browser that may use it; a code always has one. */
    readonly browserHash?: Buffer;
    /** Instead of the purpose's own lifetime. */
    readonly expiresAt?: Date;
  }) {
    const keyId = this.#keys.currentKeyId('link');
    return {
      tokenId: token.id,
      tokenPurpose: token.purpose,
      tokenHash: this.#hash(token, keyId),
      tokenKeyId: keyId,
      tokenUserId: token.userId,
      tokenIdentifierId: token.identifierId,
      tokenEpoch: token.authEpoch,
      tokenSealedPayload: token.sealedPayload,
      tokenBrowserHash: token.browserHash ?? null,
      tokenCreatedAt: token.now,
      tokenExpiresAt: token.expiresAt ?? addSeconds(token.now, tokenLifetimeSeconds[token.purpose]),
    };
  }

  /** The text that is mailed: HMAC-SHA-256(link key, id ‖ purpose), or a code of its bits. The same at every rendering. */
  secret(tokenId: string, purpose: string, keyId: string): string {
    if (purpose === 'email_code') return this.#code(tokenId, keyId);
    return formatSecret(secretPrefixes.oneTimeLink, this.#keys.mac('link', `${tokenId}:${purpose}`, keyId));
  }

  /**
   * What is stored of a code. A million plain hashes are tried in a second, so it is keyed like the code itself, and made
   * for one token and one browser.
   */
  codeHash(code: string, of: { readonly id: string; readonly keyId: string; readonly browserHash: Buffer }): Buffer {
    const { id, keyId, browserHash } = of;
    return this.#keys.mac('link', `${id}:email_code_typed:${browserHash.toString('hex')}:${code}`, keyId);
  }

  #code(tokenId: string, keyId: string): string {
    return digitCode((round) => this.#keys.mac('link', `${tokenId}:email_code:${round}`, keyId));
  }

  #hash({ id, purpose, browserHash }: Issued, keyId: string): Buffer {
    if (purpose !== 'email_code') return hashSecret(this.secret(id, purpose, keyId));
    assert(browserHash !== undefined, 'a code is for one browser');
    return this.codeHash(this.#code(id, keyId), { id, keyId, browserHash });
  }
}
