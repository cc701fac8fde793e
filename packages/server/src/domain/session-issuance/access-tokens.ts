/** Access tokens (RFC 9068). A token is valid for one issuer, the audience of its client, and one type. */

import type { Clients } from '#domain/clients/index.ts';
import type { CheckedToken } from '#domain/sessions/index.ts';
import type { SigningKeys } from '#domain/signing-keys/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { isUuid, type MakeId } from '#kernel/ids.ts';
import { type JwtProblem, signingAlgorithms, signJwt, type VerifiedClaims, verifyJwt } from '#protocol/jose/index.ts';

/** `typ` of an access token (RFC 9068 §2.1). */
const accessTokenType = 'at+jwt';

/**
 * How far the clock of another node may be ahead, for the token's `iat`. Its `exp` has no tolerance: an early rejection costs
 * a refresh, a late one extends the token's life.
 */
const clockToleranceSeconds = 5;

/** The claims about the session. */
export interface TokenSubject {
  readonly sessionId: string;
  readonly subject: string;
  readonly clientId: string;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  /** The absolute end of the session. */
  readonly sessionExpiresAt: Date;
}

export interface AccessToken {
  readonly text: string;
  readonly expiresAt: Date;
  /** Zero in the last second of a session: NumericDates are whole seconds, and the token must not outlive the session. */
  readonly expiresInSeconds: number;
}

/** Mints and verifies access tokens. */
export class AccessTokens {
  readonly #signingKeys: SigningKeys;
  readonly #clock: Clock;
  readonly #makeId: MakeId;
  readonly #issuer: string;
  readonly #clients: Clients;

  constructor(dependencies: {
    readonly signingKeys: SigningKeys;
    readonly clock: Clock;
    readonly makeId: MakeId;
    readonly issuer: string;
    readonly clients: Clients;
  }) {
    this.#signingKeys = dependencies.signingKeys;
    this.#clock = dependencies.clock;
    this.#makeId = dependencies.makeId;
    this.#issuer = dependencies.issuer;
    this.#clients = dependencies.clients;
  }

  /**
   * Signs a token for a session with the active signing key. NumericDates are seconds (RFC 7519 §2). The token expires with
   * the session, absolute or idle, at the latest (invariant 20).
   */
  async mint(of: TokenSubject): Promise<AccessToken> {
    const { audience, accessTokenLifetimeSeconds, sessionIdleSeconds } = await this.#clients.byId(of.clientId);
    const now = this.#clock.now();
    const issuedAt = Math.floor(now.getTime() / 1000);
    const sessionEndsAt = Math.floor(of.sessionExpiresAt.getTime() / 1000);
    const expiresAt = Math.min(issuedAt + Math.min(accessTokenLifetimeSeconds, sessionIdleSeconds), sessionEndsAt);
    const text = signJwt({
      key: this.#signingKeys.current(),
      typ: accessTokenType,
      claims: {
        iss: this.#issuer,
        sub: of.subject,
        aud: audience,
        client_id: of.clientId,
        iat: issuedAt,
        exp: expiresAt,
        jti: this.#makeId(),
        sid: of.sessionId,
        auth_time: Math.floor(of.authTime.getTime() / 1000),
        acr: of.acr,
        amr: of.amr,
      },
    });
    return { text, expiresAt: new Date(expiresAt * 1000), expiresInSeconds: expiresAt - issuedAt };
  }

  /** Verifies form, signature and claims. Does not look the session up: `SessionCheck` does. */
  async verify(text: string): Promise<CheckedToken | JwtProblem> {
    const now = this.#clock.now();
    const verification = await verifyJwt(text, {
      keys: (kid) => this.#signingKeys.verifyKey(kid),
      alg: signingAlgorithms,
      typ: accessTokenType,
      issuer: this.#issuer,
      audience: ({ client_id: clientId }) => this.#audienceOf(clientId),
      now,
      clockToleranceSeconds,
    });
    if (verification.kind === 'invalid') return verification.reason;
    const checked = toChecked(verification.claims, verification.kid);
    if (checked === undefined) return 'claims';
    return checked.expiresAt <= now ? 'expired' : checked;
  }

  async #audienceOf(clientId: unknown): Promise<string | undefined> {
    return typeof clientId === 'string' ? (await this.#clients.find(clientId))?.audience : undefined;
  }
}

function toChecked(claims: VerifiedClaims, kid: string): CheckedToken | undefined {
  const { sid, sub, client_id: clientId, exp } = claims;
  if (typeof sid !== 'string' || !isUuid(sid) || typeof sub !== 'string' || typeof clientId !== 'string')
    return undefined;
  return { sessionId: sid, subject: sub, clientId, expiresAt: new Date(exp * 1000), kid };
}
