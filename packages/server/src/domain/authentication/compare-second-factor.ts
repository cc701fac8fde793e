/** Comparing a typed code with the second factors of a user, outside any transaction. */
import { recoveryCodeHashes } from '#domain/recovery-codes/index.ts';
import { openTotpSecret } from '#domain/totp/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { matchingStep } from '#protocol/totp/index.ts';
import type { SecondProof } from './decide.ts';
import type { ReservedGuess } from './second-factor-guess.ts';

/** A code as it was typed. */
export type TypedSecondFactor =
  | { readonly kind: 'totp'; readonly code: string }
  | { readonly kind: 'recovery_code'; readonly code: string };

/**
 * Returns the proof of a code that fits; undefined for a wrong one. Whether it was used before is decided when it is
 * consumed; that of a recovery code is compared only then.
 */
export function compareSecondFactor(
  keys: Keys,
  { userId, wrapped, totp }: Pick<ReservedGuess, 'userId' | 'wrapped' | 'totp'>,
  { kind, code }: TypedSecondFactor,
  now: Date,
): SecondProof | undefined {
  if (kind === 'recovery_code') {
    const hashes = recoveryCodeHashes(keys, userId, code);
    return hashes === null ? undefined : { by: 'recovery_code', userId, hashes };
  }
  if (totp === undefined) return undefined;
  const { secretId, sealed } = totp;
  const secret = openTotpSecret(keys.unwrapUserKey(userId, wrapped), secretId, sealed);
  const step = matchingStep(secret, code, now);
  return step === undefined ? undefined : { by: 'totp', userId, secretId, step };
}
