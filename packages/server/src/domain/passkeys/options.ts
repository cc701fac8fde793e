import { Problem } from '#kernel/problem.ts';
import type { Keys } from '#platform/keys/index.ts';
import { type ChallengeContext, type RequestOptionsJson, requestOptions } from '#protocol/webauthn/index.ts';
import { newChallenge, type PasskeySettings, relyingPartyOf } from './relying-party.ts';
import type { Passkey } from './stored.ts';

/**
 * The options for `navigator.credentials.get()`.
 *
 * @param ceremony.allowed Undefined for a first factor: the options then depend on no user, and the browser offers each
 *   passkey that it has for this RP ID.
 * @throws Problem `passkeys_unavailable`; `passkey_not_found` when none of `allowed` is of this RP ID.
 */
export function assertionOptions(
  { keys, passkeys }: { readonly keys: Pick<Keys, 'mac'>; readonly passkeys: PasskeySettings },
  {
    context,
    allowed,
    now,
  }: {
    readonly context: ChallengeContext;
    readonly allowed: readonly Passkey[] | undefined;
    readonly now: Date;
  },
): RequestOptionsJson {
  const { rpId } = relyingPartyOf(passkeys);
  const allow = allowed?.filter((passkey) => passkey.rpId === rpId);
  if (allow?.length === 0) throw new Problem('passkey_not_found');
  return requestOptions({
    rpId,
    challenge: newChallenge(keys, context, now),
    allow: allow ?? [],
    requireUserVerification: allow === undefined,
  });
}
