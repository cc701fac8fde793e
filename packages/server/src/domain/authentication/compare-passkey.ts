/** Comparing the assertion of a passkey, outside any transaction. */
import { type VerifyPasskey, verifyPasskey } from '#domain/passkeys/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { AuthenticationResponseJson, ChallengeContext } from '#protocol/webauthn/index.ts';
import type { Proof } from './proofs.ts';

/** A proof, or the problem of the assertion and the user whose passkey it names. */
export type ComparedPasskey =
  | { readonly kind: 'proof'; readonly proof: Proof<'passkey'> }
  | { readonly kind: 'rejected'; readonly problem: Problem; readonly userId: string | undefined };

/**
 * Returns the proof of an assertion that fits the ceremony. Whether it was used before is decided when it is consumed.
 *
 * @param expected `userId`: the user of a ticket or session; undefined for a first factor, which names its user.
 * @throws Problem `passkeys_unavailable`.
 */
export async function comparePasskey(
  deps: VerifyPasskey,
  response: AuthenticationResponseJson,
  expected: { readonly context: ChallengeContext; readonly userId: string | undefined; readonly now: Date },
): Promise<ComparedPasskey> {
  const { context, userId: expectedUserId, now } = expected;
  const outcome = await verifyPasskey(deps, response, { context, expectedUserId, now });
  if (outcome.kind === 'ok') {
    const { passkey } = outcome;
    return { kind: 'proof', proof: { by: 'passkey', userId: passkey.userId, passkey } };
  }
  if (outcome.kind === 'unknown') return rejected(new Problem('unknown_passkey'), expectedUserId);
  const log = `the assertion was rejected: ${outcome.reason}`;
  return rejected(new Problem('invalid_passkey', { log }), expectedUserId ?? outcome.userId);
}

function rejected(problem: Problem, userId: string | undefined): ComparedPasskey {
  return { kind: 'rejected', problem, userId };
}
