/** Registration of a passkey: its options, and the verification of the response. */

import { spendNonce } from '#domain/used-nonces/index.ts';
import type { MakeId } from '#kernel/ids.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';
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
import { addPasskey, listPasskeys, maxPasskeys, type Passkey } from './stored.ts';

/** A passkey logs in by itself; a security key is a second factor alone. */
export type PasskeyKind = 'passkey' | 'security_key';

interface Registrar {
  readonly keys: Pick<Keys, 'mac' | 'keyIds' | 'currentKeyId'>;
  readonly passkeys: PasskeySettings;
}

/** The registration of a passkey. */
export interface Registering {
  readonly userId: string;
  /** The id of the session or of the ticket that registers it, for which alone the challenge holds. */
  readonly boundTo: string;
  /** The passkeys that the user has. */
  readonly owned: readonly Passkey[];
  readonly kind: PasskeyKind;
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
  { userId, boundTo, owned, kind, now }: Registering,
  account: { readonly name: string; readonly displayName: string },
): CreationOptionsJson {
  const rp = relyingPartyOf(deps.passkeys);
  if (owned.length >= maxPasskeys) throw new Problem('too_many_passkeys');
  const handle = userHandleOf(deps.keys, userId, owned);
  return creationOptions({
    rp: { id: rp.rpId, name: rp.name },
    user: { handle, ...account },
    challenge: newChallenge(deps.keys, contextOf(boundTo, handle), now),
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
  { userId, boundTo, owned, kind, now }: Registering,
  response: RegistrationResponseJson,
): Registered {
  const { rpId, accepted } = relyingPartyOf(deps.passkeys);
  const handles = [
    ...owned.slice(0, 1).map(({ userHandle }) => userHandle),
    ...deps.keys.keyIds('ceremony').map((keyId) => handleOf(deps.keys, userId, keyId)),
  ];
  let reason = 'challenge';
  for (const userHandle of handles) {
    const ceremony = ceremonyOf(deps, contextOf(boundTo, userHandle), now);
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

/**
 * Spends the challenge of a verified registration, and stores its passkey. The transaction has locked the user.
 *
 * @throws Problem `invalid_passkey` for a challenge that is spent, `too_many_passkeys`, `passkey_exists`.
 */
export async function storeRegistered(
  tx: Queries,
  { makeId, passkeys }: { readonly makeId: MakeId; readonly passkeys: PasskeySettings },
  { userId, name, ...registered }: Registered & { readonly userId: string; readonly name: string },
  now: Date,
): Promise<Passkey> {
  const { nonceHash: hash, expiresAt } = registered.challenge;
  if (!(await spendNonce(tx, 'ceremony', { hash, expiresAt }))) throw new Problem('invalid_passkey');
  if ((await listPasskeys(tx, userId)).length >= maxPasskeys) throw new Problem('too_many_passkeys');
  const { rpId } = relyingPartyOf(passkeys);
  const passkey = await addPasskey(tx, makeId, { userId, rpId, name, ...registered }, now);
  if (passkey === undefined) throw new Problem('passkey_exists');
  return passkey;
}

/** The challenge of a registration names the handle that an authenticator stores with the key. */
function contextOf(boundTo: string, handle: Buffer): ChallengeContext {
  return { purpose: 'register', binding: Buffer.concat([Buffer.from(boundTo), handle]) };
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
