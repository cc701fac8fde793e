/** Rotation with an idempotent grace period: the same result for all uses within it. */
import { randomBytes } from 'node:crypto';
import { sessionIsActive } from '#domain/sessions/index.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { type Rotated, Rotations, toleranceSeconds } from './rotations.ts';

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
export interface Refreshed extends Omit<Rotated, 'expiresAt'> {
  readonly kind: 'refreshed';
  readonly refreshToken: string;
  readonly refreshExpiresAt: Date;
}

/** The reason for a rejection. The caller ends the session of a `reused` token. */
export type RefreshRefusal =
  | { readonly kind: 'refused' }
  | { readonly kind: 'reused'; readonly sessionId: string; readonly userId: string };

export class RefreshTokens {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #keys: Keys;
  readonly #rotations: Rotations;

  constructor(dependencies: {
    readonly database: Database;
    readonly clock: Clock;
    readonly keys: Keys;
  }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#keys = dependencies.keys;
    this.#rotations = new Rotations(dependencies);
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
    return (await this.#rotateWith(text, keyId)) ?? this.#explain(text, keyId, this.#clock.now());
  }

  async #rotateWith(text: string, keyId: string): Promise<Refreshed | undefined> {
    const refreshToken = this.#successor(text, keyId);
    const successorHash = hashSecret(refreshToken);
    const row = await this.#rotations.rotate({ hash: hashSecret(text), successorHash, keyId });
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
    return (await this.#rotateWith(text, row.successorKeyId)) ?? { kind: 'refused' };
  }
}
