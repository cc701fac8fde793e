import { hash } from 'node:crypto';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import type { ChallengeCheck, ChallengeProblem, VerifiedChallenge } from './challenge.ts';
import { decodeUtf8 } from './utf8.ts';

/** The members of CollectedClientData (WebAuthn L3 §5.8.1) that are verified. Further members are allowed and ignored. */
export type ClientData = {
  readonly type: string;
  readonly challenge: string;
  readonly origin: string;
  readonly crossOrigin: boolean;
  readonly topOrigin: string | undefined;
  /** SHA-256 of the exact bytes; the authenticator signs it. */
  readonly hash: Buffer;
};

/** The expectations of a ceremony about its client data. */
export type Ceremony = {
  /** Serialized origins (RFC 6454 §6.2), or `android:apk-key-hash:…` for Android apps. Compared as exact text. */
  readonly origins: readonly string[];
  /** Verifies that this server issued the challenge for this purpose and binding; see `challengeCheck`. */
  readonly checkChallenge: ChallengeCheck;
};

export type ClientDataProblem = 'type' | ChallengeProblem | 'origin' | 'cross_origin';

export type ClientDataResult =
  | { readonly kind: 'ok'; readonly challenge: VerifiedChallenge }
  | { readonly kind: 'invalid'; readonly reason: ClientDataProblem };

/**
 * Parses clientDataJSON: UTF-8 without a byte order mark, JSON without duplicate members. Undefined when it is malformed.
 *
 * @param bytes the exact bytes of the client.
 */
export function parseClientData(bytes: Buffer): ClientData | undefined {
  const members = parseMembers(bytes);
  if (members === undefined) return undefined;
  const { type, challenge, origin, crossOrigin = false, topOrigin } = members;
  if (typeof type !== 'string' || typeof challenge !== 'string' || typeof origin !== 'string') return undefined;
  if (typeof crossOrigin !== 'boolean') return undefined;
  if (topOrigin !== undefined && typeof topOrigin !== 'string') return undefined;
  return { type, challenge, origin, crossOrigin, topOrigin, hash: hash('sha256', bytes, 'buffer') };
}

function parseMembers(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  const text = decodeUtf8(bytes);
  const parsed = text === undefined ? undefined : parseStrictJson(text);
  if (parsed?.kind !== 'ok') return undefined;
  const { value } = parsed;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Readonly<Record<string, unknown>>;
}

/**
 * Verifies type, challenge, origin, and that the page was not embedded (WebAuthn L3 §7.1 and §7.2), in this order.
 * Safari sends `crossOrigin` without `topOrigin`, so each of them is rejected by itself: a ceremony within a frame of
 * another site is never accepted.
 */
export function checkClientData(
  { type, challenge, origin, crossOrigin, topOrigin }: ClientData,
  expectedType: 'webauthn.create' | 'webauthn.get',
  { origins, checkChallenge }: Ceremony,
): ClientDataResult {
  if (type !== expectedType) return invalid('type');
  const checked = checkChallenge(challenge);
  if (checked.kind === 'invalid') return checked;
  if (!origins.includes(origin)) return invalid('origin');
  if (crossOrigin || topOrigin !== undefined) return invalid('cross_origin');
  return { kind: 'ok', challenge: checked.challenge };
}

function invalid(reason: ClientDataProblem): { kind: 'invalid'; reason: ClientDataProblem } {
  return { kind: 'invalid', reason };
}
