/** Registration of a passkey: its options, and the verification of the response. */
import { Problem } from '#kernel/problem.ts';
import type { Keys } from '#platform/keys/index.ts';
import {
  type ChallengeContext,
  type CreationOptionsJson,
  creationOptions,
  type RegisteredCredential,
  type RegistrationResponseJson,
  type VerifiedChallenge,
  verifyRegistration,
} from '#protocol/webauthn/index.ts';
import { ceremonyOf, newChallenge, type PasskeySettings, relyingPartyOf } from './relying-party.ts';
import { maxPasskeys, type Passkey } from './stored.ts';

interface Registrar {
  readonly keys: Pick<Keys, 'mac' | 'keyIds' | 'currentKeyId'>;
  readonly passkeys: PasskeySettings;
}

/** The session that registers a passkey. */
export interface Registering {
  readonly userId: string;
  readonly sessionId: string;
  /** The passkeys that the user has. */
  readonly owned: readonly Passkey[];
  readonly kind: 'passkey' | 'security_key';
  readonly now: Date;
}

/**
 * The options for `navigator.credentials.create()`. A passkey can log in by itself; a security key is a second factor, and
 * need not store or verify anything.
 *
 * @throws Problem `passkeys_unavailable`, `too_many_passkeys`.
 */
export function registrationOptions(
  deps: Registrar,
  { userId, sessionId, owned, kind, now }: Registering,
  account: { readonly name: string; readonly displayName: string },
): CreationOptionsJson {
  const rp = relyingPartyOf(deps.passkeys);
  if (owned.length >= maxPasskeys) throw new Problem('too_many_passkeys');
  const handle = userHandleOf(deps.keys, userId, owned);
  return creationOptions({
    rp: { id: rp.rpId, name: rp.name },
    user: { handle, ...account },
    challenge: newChallenge(deps.keys, contextOf(sessionId, handle), now),
    exclude: owned,
    kind,
  });
}

/** A verified registration, and the user handle that its options named. */
export interface Registered {
  readonly credential: RegisteredCredential;
  readonly userHandle: Buffer;
  readonly challenge: VerifiedChallenge;
}

/**
 * Verifies a registration (WebAuthn L3 §7.1). It does not spend the challenge.
 *
 * @throws Problem `passkeys_unavailable`; `invalid_passkey`; `passkey_not_allowed` for a key that can be synced, where only
 * those of one device are allowed.
 */
export function verifyRegistered(
  deps: Registrar,
  { userId, sessionId, owned, kind, now }: Registering,
  response: RegistrationResponseJson,
): Registered {
  const { rpId, accepted } = relyingPartyOf(deps.passkeys);
  const handles = [
    ...owned.slice(0, 1).map(({ userHandle }) => userHandle),
    ...deps.keys.keyIds('ceremony').map((keyId) => handleOf(deps.keys, userId, keyId)),
  ];
  let reason = 'challenge';
  for (const userHandle of handles) {
    const ceremony = ceremonyOf(deps, contextOf(sessionId, userHandle), now);
    const requireUserVerification = kind === 'passkey';
    const result = verifyRegistration(response, { ...ceremony, rpId, requireUserVerification });
    if (result.kind === 'ok') {
      const { credential, challenge } = result;
      if (accepted === 'device_bound' && credential.backupEligible) throw new Problem('passkey_not_allowed');
      return { credential, challenge, userHandle };
    }
    ({ reason } = result);
    if (reason !== 'challenge') break;
  }
  throw new Problem('invalid_passkey', { log: `the registration was rejected: ${reason}` });
}

/** The challenge of a registration names the handle that an authenticator stores with the key. */
function contextOf(sessionId: string, handle: Buffer): ChallengeContext {
  return { purpose: 'register', binding: Buffer.concat([Buffer.from(sessionId), handle]) };
}

/** The handle by which authenticators know a user, also one who has no passkey any more. */
export function userHandleOf(
  keys: Pick<Keys, 'mac' | 'currentKeyId'>,
  userId: string,
  owned: readonly Passkey[],
): Buffer {
  return owned[0]?.userHandle ?? handleOf(keys, userId, keys.currentKeyId('ceremony'));
}

/**
 * The handle of a user's first passkey. It looks random without the key and says nothing about the account, and two first
 * registrations at once have the same one.
 */
function handleOf(keys: Pick<Keys, 'mac'>, userId: string, keyId: string): Buffer {
  return keys.mac('ceremony', `user handle ${userId}`, keyId);
}
