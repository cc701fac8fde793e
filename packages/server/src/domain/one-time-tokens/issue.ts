import { linksOutlivingEpoch } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { type Fragment, type Queries, statement, type Values } from '#platform/database/index.ts';
import type { AssociatedData, Keys } from '#platform/keys/index.ts';
import { digitCode } from '#protocol/digit-code/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

/** Stored in `one_time_tokens.purpose`, and input of the secret's HMAC: a renamed purpose invalidates its tokens. */
export type Purpose =
  | 'verify_email'
  | 'reset_password'
  | 'confirm_email_change'
  | 'undo_email_change'
  | 'cancel_deletion'
  | 'magic_link'
  | 'email_code'
  | 'mailbox_code'
  | 'setup';

/** Purposes whose secret is a code of six digits instead of a link. */
export type CodePurpose = 'email_code' | 'mailbox_code';

function isCode(purpose: string): purpose is CodePurpose {
  return purpose === 'email_code' || purpose === 'mailbox_code';
}

/**
 * The code beside the verification link of a registration. It is computed and compared, and stored nowhere; the row is the
 * link's.
 */
export const verificationCode = 'verification_code';

/** Lifetimes in seconds. */
export const tokenLifetimeSeconds: Readonly<Record<Purpose, number>> = {
  verify_email: 24 * 60 * 60,
  reset_password: 60 * 60,
  confirm_email_change: 24 * 60 * 60,
  undo_email_change: 72 * 60 * 60,
  // The longest grace period that can be configured; the flow passes the real expiry.
  cancel_deletion: 90 * 24 * 60 * 60,
  // Upper limits, which settings can shorten: the user is waiting for this mail.
  magic_link: 10 * 60,
  email_code: 10 * 60,
  mailbox_code: 10 * 60,
  // Not mailed: an operator hands it over.
  setup: 24 * 60 * 60,
};

/** Links that undo an attacker's change. They remain active, although the change has raised the epoch (invariant 4). */
export const outlivesEpoch: readonly Purpose[] = linksOutlivingEpoch;

/** The associated data that a token's payload is encrypted with. */
export function tokenAssociatedData(tokenId: string): AssociatedData {
  return { table: 'one_time_tokens', column: 'sealed_payload', row: tokenId };
}

/** The associated data that the browser of a registration is encrypted with. */
export function deviceAssociatedData(tokenId: string): AssociatedData {
  return { table: 'one_time_tokens', column: 'sealed_device', row: tokenId };
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
  tokenRegistrationId: 'uuid?',
  tokenSealedDevice: 'bytea?',
  tokenBrowserHash: 'bytea?',
  tokenCreatedAt: 'timestamptz',
  tokenExpiresAt: 'timestamptz',
} as const;

/** The CTE `issued`: inserts one token if the CTE `from` has a row. */
export function insertTokenFragment(from: string): Fragment<typeof params> {
  return {
    sql: `issued as (
      insert into one_time_tokens (id, purpose, hash, key_id, user_id, identifier_id, auth_epoch, sealed_payload,
        registration_id, sealed_device, browser_hash, created_at, expires_at)
      select :tokenId, :tokenPurpose, :tokenHash, :tokenKeyId, :tokenUserId, :tokenIdentifierId, :tokenEpoch,
        :tokenSealedPayload, :tokenRegistrationId, :tokenSealedDevice, :tokenBrowserHash, :tokenCreatedAt, :tokenExpiresAt
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

/** Inserts a token in the transaction of the effect; `values` come from `OneTimeTokens.values`. */
export async function issueToken(tx: Queries, values: Values<typeof params>): Promise<void> {
  await tx.row(insert, values);
}

interface SecretInput {
  readonly id: string;
  readonly purpose: Purpose;
  readonly browserHash?: Buffer;
}

/** Computes the secrets and row values of one-time tokens. */
export class OneTimeTokens {
  readonly #keys: Keys;
  readonly #makeId: MakeId;

  constructor(dependencies: { readonly keys: Keys; readonly makeId: MakeId }) {
    this.#keys = dependencies.keys;
    this.#makeId = dependencies.makeId;
  }

  /** Returns a new token id, for callers that encrypt the payload for the row before they insert it. */
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
    /** Of a verification link: the registration that it confirms. Undefined when it confirms none. */
    readonly registrationId?: string | undefined;
    /** Of such a link: the browser of the registration, encrypted under the key of the user. */
    readonly sealedDevice?: Buffer | undefined;
    readonly now: Date;
    /** SHA-256 of what the only client that may use it has: a browser's secret, a ticket or a session. A code requires it. */
    readonly browserHash?: Buffer;
    /** Overrides the lifetime of the purpose. */
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
      tokenRegistrationId: token.registrationId ?? null,
      tokenSealedDevice: token.sealedDevice ?? null,
      tokenBrowserHash: token.browserHash ?? null,
      tokenCreatedAt: token.now,
      tokenExpiresAt: token.expiresAt ?? addSeconds(token.now, tokenLifetimeSeconds[token.purpose]),
    };
  }

  /**
   * Returns the mailed secret, the same at every call: HMAC-SHA-256(link key, id ‖ purpose), or six digits derived from
   * such an HMAC.
   */
  secret(tokenId: string, purpose: string, keyId: string): string {
    if (isCode(purpose) || purpose === verificationCode) return this.#code(tokenId, purpose, keyId);
    return formatSecret(secretPrefixes.oneTimeLink, this.#keys.mac('link', `${tokenId}:${purpose}`, keyId));
  }

  /**
   * Returns the stored hash of a code: an HMAC for one token and one client. A plain hash would not protect it, because
   * an attacker with a dump can hash a million codes in a second.
   */
  codeHash(code: string, of: { readonly id: string; readonly keyId: string; readonly browserHash: Buffer }): Buffer {
    const { id, keyId, browserHash } = of;
    return this.#keys.mac('link', `${id}:email_code_typed:${browserHash.toString('hex')}:${code}`, keyId);
  }

  #code(tokenId: string, purpose: CodePurpose | typeof verificationCode, keyId: string): string {
    return digitCode((round) => this.#keys.mac('link', `${tokenId}:${purpose}:${round}`, keyId));
  }

  #hash({ id, purpose, browserHash }: SecretInput, keyId: string): Buffer {
    if (!isCode(purpose)) return hashSecret(this.secret(id, purpose, keyId));
    assert(browserHash !== undefined, 'a code is bound to its client');
    return this.codeHash(this.#code(id, purpose, keyId), { id, keyId, browserHash });
  }
}
