/** The step `enroll_second_factor` by a passkey or security key, which is then the second factor of the login too. */
import { findStep, type LoginGate, type PresentedTicket, takeStep } from '#domain/authentication/index.ts';
import {
  listPasskeys,
  type PasskeyKind,
  registrationOptions,
  storeRegistered,
  verifyRegistered,
} from '#domain/passkeys/index.ts';
import { firstRecoveryCodes } from '#domain/recovery-codes/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import { present } from '#kernel/assert.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import type { CreationOptionsJson, RegistrationResponseJson } from '#protocol/webauthn/index.ts';
import type { Enrolled } from './enroll.ts';

/** Dependencies of the step. */
export type EnrollPasskeyAtLogin = LoginGate & { readonly keys: Keys; readonly makeId: MakeId };

/**
 * The options for `navigator.credentials.create()` of each kind, for this login alone: one reading for all kinds. The ticket
 * remains usable.
 *
 * @throws Problem `passkeys_unavailable`, `too_many_passkeys`, and those of `findStep`.
 */
export async function passkeyEnrollmentOptions<K extends PasskeyKind>(
  flow: EnrollPasskeyAtLogin,
  ticket: PresentedTicket,
  kinds: readonly K[],
): Promise<Readonly<Record<K, CreationOptionsJson>>> {
  const { candidate } = await findStep(flow, ticket, 'enroll_second_factor');
  const { userId } = candidate;
  const owned = await listPasskeys(flow.database, userId);
  const { name, email } = present(await flow.users.profile(userId), 'the user of a usable ticket');
  const account = { name: email ?? name, displayName: name };
  const registering = { userId, boundTo: bindingOf(ticket), owned, now: flow.clock.now() };
  const options = kinds.map((kind) => [kind, registrationOptions(flow, { ...registering, kind }, account)]);
  return Object.fromEntries(options) as Record<K, CreationOptionsJson>;
}

/** The response of an authenticator. */
export interface FirstPasskey {
  readonly kind: PasskeyKind;
  readonly credential: RegistrationResponseJson;
  readonly deviceToken: string | undefined;
}

/**
 * Stores the passkey, turns two factors on and continues the login, in one transaction. Everything that was issued before
 * ends; the login goes along with the new epoch.
 *
 * @throws Problem `invalid_passkey`, `passkey_exists`, `passkey_not_allowed`, `passkeys_unavailable`, `too_many_passkeys`, and
 * those of `takeStep`. All leave the ticket usable.
 */
export async function finishPasskeyEnrollment(
  flow: EnrollPasskeyAtLogin,
  ticket: PresentedTicket,
  { kind, credential: response, deviceToken }: FirstPasskey,
  requester: Requester,
): Promise<Enrolled> {
  const { candidate } = await findStep(flow, ticket, 'enroll_second_factor');
  const { userId, wrapped } = candidate;
  const userKey = flow.keys.unwrapUserKey(userId, wrapped);
  const owned = await listPasskeys(flow.database, userId);
  const now = flow.clock.now();
  const registered = verifyRegistered(flow, { userId, boundTo: bindingOf(ticket), owned, kind, now }, response);
  const name = describeUserAgent(requester.userAgent).words;
  const { backupEligible } = registered.credential;
  const { applied, result } = await takeStep(
    flow,
    {
      ticket,
      step: 'enroll_second_factor',
      // A registration proves possession alone: nothing of the authenticator is signed.
      proves: { by: 'passkey', passkey: { backupEligible, userVerified: false } },
      work: (tx) => turnOn(flow, tx, { passkey: { ...registered, userId, name }, kind, userKey, requester }),
    },
    { deviceToken },
    requester,
  );
  return { result, recoveryCodes: applied };
}

/** A ticket is used up by the step, so that the challenge holds for one registration. */
function bindingOf({ text }: PresentedTicket): string {
  return hashSecret(text).toString('base64url');
}

interface FirstFactor {
  readonly passkey: Parameters<typeof storeRegistered>[2];
  readonly kind: PasskeyKind;
  readonly userKey: UserKey;
  readonly requester: Requester;
}

async function turnOn(flow: EnrollPasskeyAtLogin, tx: Queries, { passkey, kind, userKey, requester }: FirstFactor) {
  const now = flow.clock.now();
  const { userId } = passkey;
  const stored = await storeRegistered(tx, flow, passkey, now);
  const changed = await changeUser(flow, tx, requester, {
    userId,
    now,
    userKey,
    refusal: 'invalid_ticket',
    apply: async () => {
      await flow.users.setMfa(tx, userId, true);
      return firstRecoveryCodes(tx, flow, userId, now);
    },
    sessions: { kind: 'end_all', reason: 'factors_changed' },
    event: ({ endedSessions }) => ({
      action: 'factor.enrolled',
      actor: { kind: 'user', id: userId },
      facts: { kind, passkeyId: stored.id, endedSessions },
    }),
    mail: async () => {
      const recipient = await flow.users.primaryEmail(userId, tx);
      const mail = { template: 'security_key_added', tokenId: null, params: {} } as const;
      return recipient && flow.mail.values({ ...recipient, ...mail, userId, userKey, now });
    },
  });
  return changed.applied;
}
