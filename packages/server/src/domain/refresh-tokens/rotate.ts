/** Rotation with an idempotent grace period: one statement, with the same result for all uses within it. */
import { randomBytes } from 'node:crypto';
import { sessionIsActive } from '#domain/sessions/index.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

/** How far the clocks of two nodes may differ. A use that is later still was stored by a wrong clock, and has no grace. */
const toleranceSeconds = 10;

/**
 * All parts read the snapshot from before the statement. The row lock of the update orders concurrent uses of one
 * token, and each of them evaluates the conditions on that row again. That is enough: a concurrent change that ends the
 * session takes effect at the next use, and its revocation reaches every node.
 */
const rotate = statement('refresh_tokens.rotate', {
  lane: 'write',
  sql: `with used as (
      update refresh_tokens t
      set uses = t.uses + 1, consumed_at = coalesce(t.consumed_at, :now),
        successor_key_id = coalesce(t.successor_key_id, :keyId)
      from refresh_families f, sessions s, users u, user_keys k, clients c
      where t.hash = :hash and f.id = t.family_id and s.id = f.session_id and u.id = s.user_id and k.user_id = u.id
        and c.id = f.client_id
        and t.expires_at > :now and f.ended_at is null and ${sessionIsActive}
        and (t.consumed_at is null or (t.successor_key_id = :keyId
          and t.consumed_at > :now::timestamptz - make_interval(secs => c.refresh_grace_seconds)
          and t.consumed_at <= :now::timestamptz + make_interval(secs => ${toleranceSeconds})))
        and not exists (select from refresh_tokens n where n.hash = :successorHash and n.consumed_at is not null)
      returning t.family_id, s.id as session_id, s.user_id, u.subject, s.client_id, s.acr, s.amr, s.auth_time,
        s.expires_at as session_expires_at, s.sealed_client_info, k.wrapped,
        least(t.consumed_at + make_interval(secs => c.refresh_token_lifetime_seconds), s.expires_at) as expires_at),
    successor as (
      insert into refresh_tokens (hash, family_id, issued_at, expires_at)
      select :successorHash, family_id, :now, expires_at from used
      on conflict (hash) do nothing)
    select session_id, user_id, subject, client_id, acr, amr, auth_time, session_expires_at, sealed_client_info, wrapped,
      expires_at
    from used`,
  params: { hash: 'bytea', successorHash: 'bytea', keyId: 'uuid', now: 'timestamptz' },
  columns: {
    sessionId: 'uuid',
    userId: 'uuid',
    subject: 'text',
    clientId: 'text',
    acr: 'text',
    amr: 'text[]',
    authTime: 'timestamptz',
    sessionExpiresAt: 'timestamptz',
    sealedClientInfo: 'bytea?',
    wrapped: 'bytea',
    expiresAt: 'timestamptz',
  },
  idempotent: true,
});

// A token of an ended session is not reused: there is nothing left to end.
const inspect = statement('refresh_tokens.inspect', {
  lane: 'read',
  sql: `select t.consumed_at, t.successor_key_id, f.session_id, f.user_id, c.refresh_grace_seconds
    from refresh_tokens t
      join refresh_families f on f.id = t.family_id
      join sessions s on s.id = f.session_id
      join users u on u.id = s.user_id
      join clients c on c.id = f.client_id
    where t.hash = :hash and f.ended_at is null and ${sessionIsActive}`,
  params: { hash: 'bytea', now: 'timestamptz' },
  columns: {
    consumedAt: 'timestamptz?',
    successorKeyId: 'uuid?',
    sessionId: 'uuid',
    userId: 'uuid',
    refreshGraceSeconds: 'int4',
  },
});

/** The successor, and the facts that an access token needs. */
export interface Refreshed {
  readonly kind: 'refreshed';
  readonly refreshToken: string;
  readonly refreshExpiresAt: Date;
  readonly sessionId: string;
  readonly userId: string;
  readonly subject: string;
  readonly clientId: string;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  readonly sessionExpiresAt: Date;
  /** The client information of the last use, and the wrapped key of the user that decrypts it. */
  readonly sealedClientInfo: Buffer | null;
  readonly wrapped: Buffer;
}

/** The reason for a rejection. The caller ends the session of a `reused` token. */
export type RefreshRefusal =
  | { readonly kind: 'refused' }
  | { readonly kind: 'reused'; readonly sessionId: string; readonly userId: string };

export class RefreshTokens {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #keys: Keys;

  constructor(dependencies: {
    readonly database: Database;
    readonly clock: Clock;
    readonly keys: Keys;
  }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#keys = dependencies.keys;
  }

  /** The first token of a family. */
  first(): { readonly text: string; readonly hash: Buffer } {
    const text = formatSecret(secretPrefixes.refreshToken, randomBytes(32));
    return { text, hash: hashSecret(text) };
  }

  /** Exchanges a token for its successor. */
  async rotate(text: string): Promise<Refreshed | RefreshRefusal> {
    if (parseSecret(secretPrefixes.refreshToken, text) === null) return { kind: 'refused' };
    const keyId = this.#keys.currentKeyId('rotation');
    const now = this.#clock.now();
    const refreshed = await this.#rotateWith(text, keyId, now);
    if (refreshed !== undefined) return refreshed;
    return this.#explain(text, keyId, now);
  }

  async #rotateWith(text: string, keyId: string, now: Date): Promise<Refreshed | undefined> {
    const refreshToken = this.#successor(text, keyId);
    const row = await this.#database.row(rotate, {
      hash: hashSecret(text),
      successorHash: hashSecret(refreshToken),
      keyId,
      now,
    });
    if (row === undefined) return undefined;
    const { expiresAt, ...rest } = row;
    return { kind: 'refreshed', refreshToken, refreshExpiresAt: expiresAt, ...rest };
  }

  /** HMAC-SHA-256(rotation key, token): it cannot be computed without both, and every node computes the same. */
  #successor(text: string, keyId: string): string {
    return formatSecret(secretPrefixes.refreshToken, this.#keys.mac('rotation', text, keyId));
  }

  async #explain(text: string, keyId: string, now: Date): Promise<Refreshed | RefreshRefusal> {
    const row = await this.#database.row(inspect, { hash: hashSecret(text), now });
    if (row === undefined || row.consumedAt === null || row.successorKeyId === null) return { kind: 'refused' };
    const graceEndsAt = addSeconds(row.consumedAt, row.refreshGraceSeconds);
    const isAhead = row.consumedAt > addSeconds(now, toleranceSeconds);
    if (graceEndsAt <= now || isAhead) return { kind: 'reused', ...row };
    // The rotation key changed within the grace period: the row names the key of its successor.
    if (row.successorKeyId === keyId) return { kind: 'refused' };
    return (await this.#rotateWith(text, row.successorKeyId, now)) ?? { kind: 'refused' };
  }
}
