/**
 * Challenges that the server recognizes without storing them: `base64url(random ‖ expiry ‖ tag)`, 38 bytes, 51 characters.
 * The tag is an HMAC over random, expiry, purpose and binding. So strangers who open the login page write no row, and a
 * challenge is worth nothing for another purpose, browser, ticket or session.
 * A challenge is valid until it expires, and more than once: the caller stores `nonceHash` in the transaction of the effect,
 * and rejects a hash that exists.
 * Example: 16 random bytes `00…0f`, expiry `01 9b 7d 64 3c 00` (ms since the epoch), 16 bytes of the tag.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { decodeBase64url } from './base64url.ts';

/** The ceremony that a challenge is for. */
export type ChallengePurpose = 'login' | 'second_factor' | 'register' | 'step_up';

export type ChallengeContext = {
  readonly purpose: ChallengePurpose;
  /** The browser, ticket or session that requested the challenge, as a hash or id. The same bytes must verify it. */
  readonly binding: Uint8Array;
};

/** A challenge of this server, with the values of the row that prevents a second use. */
export type VerifiedChallenge = {
  /** SHA-256 of the challenge. */
  readonly nonceHash: Buffer;
  /** The row may be deleted from then on. */
  readonly expiresAt: Date;
};

export type ChallengeProblem = 'challenge' | 'challenge_expired';

export type ChallengeResult =
  | { readonly kind: 'ok'; readonly challenge: VerifiedChallenge }
  | { readonly kind: 'invalid'; readonly reason: ChallengeProblem };

export type ChallengeCheck = (challenge: string) => ChallengeResult;

/** Ten minutes, the upper end of the timeouts that WebAuthn L3 §15.1 recommends. */
export const challengeLifetimeMs = 600_000;

const randomLength = 16;
const expiryLength = 6;
const tagLength = 16;
const signedLength = randomLength + expiryLength;
const challengeLength = signedLength + tagLength;

/**
 * Issues a challenge.
 *
 * @param mac HMAC-SHA-256 under the current key.
 */
export function issueChallenge(
  context: ChallengeContext,
  { now, mac }: { readonly now: Date; readonly mac: (message: Buffer) => Buffer },
): string {
  const signed = Buffer.alloc(signedLength);
  randomBytes(randomLength).copy(signed);
  signed.writeUIntBE(now.getTime() + challengeLifetimeMs, randomLength, expiryLength);
  const tag = mac(messageOf(signed, context)).subarray(0, tagLength);
  return Buffer.concat([signed, tag]).toString('base64url');
}

/**
 * Returns a check that accepts the challenges of this context until they expire. `challenge` stands for a foreign, altered or
 * otherwise bound one.
 *
 * @param macs HMAC-SHA-256 of a message under the current key and under each retired one, because a challenge does not name
 *   its key.
 */
export function challengeCheck(
  context: ChallengeContext,
  { now, macs }: { readonly now: Date; readonly macs: (message: Buffer) => readonly Buffer[] },
): ChallengeCheck {
  return (challenge) => {
    const bytes = decodeBase64url(challenge);
    if (bytes?.length !== challengeLength) return { kind: 'invalid', reason: 'challenge' };
    const [signed, tag] = [bytes.subarray(0, signedLength), bytes.subarray(signedLength)];
    const isOurs = macs(messageOf(signed, context)).some((mac) => timingSafeEqual(mac.subarray(0, tagLength), tag));
    if (!isOurs) return { kind: 'invalid', reason: 'challenge' };
    const expiresAt = new Date(signed.readUIntBE(randomLength, expiryLength));
    if (expiresAt <= now) return { kind: 'invalid', reason: 'challenge_expired' };
    return { kind: 'ok', challenge: { nonceHash: hash('sha256', bytes, 'buffer'), expiresAt } };
  };
}

/** The purpose ends with a zero byte, which no purpose contains, so that different contexts have different messages. */
function messageOf(signed: Buffer, { purpose, binding }: ChallengeContext): Buffer {
  return Buffer.concat([signed, Buffer.from(`${purpose}\0`), binding]);
}
