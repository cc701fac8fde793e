/** The session check, the hottest path: warm it costs a hash and two lookups, cold one round trip. */
import { hash } from 'node:crypto';
import { type Revocations, rememberedSeconds } from '#domain/revocations/index.ts';
import { type Clock, earlier } from '#kernel/clock.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import type { Database } from '#platform/database/index.ts';
import type { JwtProblem } from '#protocol/jose/index.ts';
import { hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import type { LastSeen } from './last-seen.ts';
import { type ActiveSession, findById, findByTokenHash } from './session.ts';

/** A presented credential: an access token or the value of a session cookie. */
export type Presented =
  | { readonly transport: 'token'; readonly text: string }
  | { readonly transport: 'cookie'; readonly text: string };

/** The verified content of an access token. */
export interface CheckedToken {
  readonly sessionId: string;
  readonly subject: string;
  readonly clientId: string;
  readonly expiresAt: Date;
  readonly kid: string;
}

/** Why a credential proves no session: `revoked` when its session or its signing key is no longer valid. */
export type CredentialRefusal = JwtProblem | 'revoked';

interface Remembered {
  readonly session: ActiveSession;
  readonly checked: CheckedSession;
  /** For an access token: its expiry and key. */
  readonly token: CheckedToken | undefined;
  /** The start of the read by both clocks: neither a moved wall clock nor a paused node may extend the memory. */
  readonly readAtMs: number;
  readonly readAtMonotonicMs: number;
  /** The generation of the revocation feed at the start of the read. */
  readonly generation: number;
}

/** An active session as its credential proves it. Built once for each read of the row, not for each check. */
export interface CheckedSession extends Omit<ActiveSession, 'id' | 'idleExpiresAt' | 'expiresAt'> {
  readonly sessionId: string;
  readonly transport: 'cookie' | 'token';
  /** The expiry of the presented credential. */
  readonly expiresAt: Date;
  /** The absolute end of the session. */
  readonly sessionExpiresAt: Date;
  /** The times in ISO 8601; formatting them at each check would take as long as all lookups of the check. */
  readonly iso: { readonly authTime: string; readonly expiresAt: string };
}

const maxRemembered = 50_000;
const staleMs = rememberedSeconds * 1000;

/** Checks presented credentials, and remembers sessions by the hash of the credential. */
export class SessionCheck {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #revocations: Revocations;
  readonly #lastSeen: LastSeen;
  readonly #verifyToken: (text: string) => Promise<CheckedToken | JwtProblem>;
  readonly #remembered = boundedCache<string, Remembered>(maxRemembered);
  #hits = 0;
  #misses = 0;

  /**
   * @param dependencies `verifyToken` verifies the form, signature, issuer, audience and expiry of an access token, and
   * not its session.
   */
  constructor(dependencies: {
    readonly database: Database;
    readonly clock: Clock;
    readonly revocations: Revocations;
    readonly lastSeen: LastSeen;
    readonly verifyToken: (text: string) => Promise<CheckedToken | JwtProblem>;
  }) {
    this.#database = dependencies.database;
    this.#clock = dependencies.clock;
    this.#revocations = dependencies.revocations;
    this.#lastSeen = dependencies.lastSeen;
    this.#verifyToken = dependencies.verifyToken;
  }

  /** Warm and cold checks so far, for the hit ratio of the cache. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /** The active session of the credential, or why it has none; synchronous when it is remembered, as for most checks. */
  check(presented: Presented): CheckedSession | Promise<CheckedSession | CredentialRefusal> {
    const now = this.#clock.now();
    const key = hash('sha256', presented.text, 'binary');
    const found = this.#remembered.get(key);
    // The value of a cookie in an Authorization header is not a credential, also when warm.
    const remembered = found?.checked.transport === presented.transport ? found : undefined;
    if (remembered !== undefined && this.#isBelieved(remembered, now)) {
      this.#hits += 1;
      return this.#seen(remembered, now);
    }
    this.#misses += 1;
    return this.#checkCold(presented, key, remembered, now);
  }

  async #checkCold(
    presented: Presented,
    key: string,
    remembered: Remembered | undefined,
    now: Date,
  ): Promise<CheckedSession | CredentialRefusal> {
    const read = await this.#read(presented, remembered, now);
    if (typeof read === 'string') {
      if (remembered !== undefined) this.#remembered.delete(key);
      return read;
    }
    this.#remembered.set(key, read);
    return this.#seen(read, now);
  }

  #isBelieved(remembered: Remembered, now: Date): boolean {
    const nowMs = now.getTime();
    const { session, token, generation } = remembered;
    if (!this.#revocations.trusted() || generation !== this.#revocations.generation) return false;
    if (this.#isStale(remembered, nowMs)) return false;
    if (nowMs >= session.expiresAt.getTime() || nowMs >= session.idleExpiresAt.getTime()) return false;
    if (token !== undefined && nowMs >= token.expiresAt.getTime()) return false;
    if (this.#revocations.isProfileChanged(session.userId, remembered.readAtMonotonicMs)) return false;
    return !this.#isRevoked(session, token);
  }

  #isStale({ readAtMs, readAtMonotonicMs }: Remembered, nowMs: number): boolean {
    const ageMs = nowMs - readAtMs;
    return ageMs < 0 || ageMs >= staleMs || this.#clock.monotonicMs() - readAtMonotonicMs >= staleMs;
  }

  #isRevoked(session: ActiveSession, token: CheckedToken | undefined): boolean {
    return this.#revocations.isRevoked({
      sessionId: session.id,
      userId: session.userId,
      authEpoch: session.authEpoch,
      kid: token?.kid,
    });
  }

  // PostgreSQL decides; a verified signature is not verified again while its token is valid.
  async #read(
    presented: Presented,
    before: Remembered | undefined,
    now: Date,
  ): Promise<Remembered | CredentialRefusal> {
    const readAtMonotonicMs = this.#clock.monotonicMs();
    const { generation } = this.#revocations;
    const token = presented.transport === 'cookie' ? undefined : await this.#token(presented.text, before, now);
    if (typeof token === 'string') return token;
    const session = token === undefined ? await this.#byCookie(presented.text, now) : await this.#byToken(token, now);
    if (session === undefined || this.#isRevoked(session, token)) return 'revoked';
    return {
      session,
      checked: toChecked(session, token),
      token,
      readAtMs: now.getTime(),
      readAtMonotonicMs,
      generation,
    };
  }

  async #token(text: string, before: Remembered | undefined, now: Date): Promise<CheckedToken | JwtProblem> {
    if (before?.token !== undefined && now.getTime() >= before.readAtMs && now < before.token.expiresAt)
      return before.token;
    return this.#verifyToken(text);
  }

  async #byToken(token: CheckedToken, now: Date): Promise<ActiveSession | undefined> {
    const session = await this.#database.row(findById, { id: token.sessionId, now });
    const matches = session !== undefined && session.subject === token.subject && session.clientId === token.clientId;
    return matches ? session : undefined;
  }

  async #byCookie(text: string, now: Date): Promise<ActiveSession | undefined> {
    if (parseSecret(secretPrefixes.session, text) === null) return undefined;
    return this.#database.row(findByTokenHash, { tokenHash: hashSecret(text), now });
  }

  #seen(remembered: Remembered, now: Date): CheckedSession {
    this.#lastSeen.note(remembered.session.id, now);
    return remembered.checked;
  }
}

function toChecked(session: ActiveSession, token: CheckedToken | undefined): CheckedSession {
  const { id: sessionId, idleExpiresAt, expiresAt: sessionExpiresAt, ...rest } = session;
  const expiresAt = token?.expiresAt ?? earlier(sessionExpiresAt, idleExpiresAt);
  const iso = { authTime: session.authTime.toISOString(), expiresAt: expiresAt.toISOString() };
  return { ...rest, sessionId, transport: token === undefined ? 'cookie' : 'token', expiresAt, sessionExpiresAt, iso };
}
