/** Adding a passkey. One that is a second factor turns two factors on. */
import { contextWithProof } from '#domain/authentication/index.ts';
import { enqueueMail, occasionOf } from '#domain/mail-ledger/index.ts';
import {
  listPasskeys,
  type Passkey,
  type PasskeyKind,
  registrationOptions,
  storeRegistered,
  verifyRegistered,
} from '#domain/passkeys/index.ts';
import { firstRecoveryCodes } from '#domain/recovery-codes/index.ts';
import type { IssuedSession } from '#domain/session-issuance/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import { present } from '#kernel/assert.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import type { CreationOptionsJson, RegistrationResponseJson } from '#protocol/webauthn/index.ts';
import { type Acting, keyOf, lockActing, type ManagePasskeys, record } from './manage-passkeys.ts';

/** The options of a registration, for the acting session. */
export async function optionsOf(
  flow: ManagePasskeys,
  kind: PasskeyKind,
  { userId, sessionId, email, name }: Principal,
): Promise<CreationOptionsJson> {
  const owned = await listPasskeys(flow.database, userId);
  const account = { name: email ?? name, displayName: name };
  return registrationOptions(flow, { userId, boundTo: sessionId, owned, kind, now: flow.clock.now() }, account);
}

/** The response of an authenticator, and its name for the user. */
export interface NewPasskey {
  readonly kind: PasskeyKind;
  readonly name?: string | undefined;
  readonly credential: RegistrationResponseJson;
}

/** The passkey; also the renewed session, and new recovery codes, when it turned two factors on. */
export interface AddedPasskey {
  readonly passkey: Passkey;
  readonly turnedOn:
    | { readonly issued: IssuedSession; readonly recoveryCodes: readonly string[] | undefined }
    | undefined;
}

/**
 * Stores a passkey. A security key of a user without a second factor turns two factors on: every other session ends, and
 * this one goes on under a new id. Any other passkey revokes nothing.
 *
 * @throws Problem `invalid_passkey`, `passkey_exists`, `too_many_passkeys`, `passkey_not_allowed`, `passkeys_unavailable`.
 */
export async function addOwn(
  flow: ManagePasskeys,
  { kind, name, credential: response }: NewPasskey,
  principal: Principal,
  caller: Caller,
): Promise<AddedPasskey> {
  const { userId, sessionId } = principal;
  const now = flow.clock.now();
  const owned = await listPasskeys(flow.database, userId);
  const registered = verifyRegistered(flow, { userId, boundTo: sessionId, owned, kind, now }, response);
  const acting: Acting = { principal, caller, userKey: await keyOf(flow, userId), now };
  return flow.database.transaction(async (tx) => {
    await lockActing(flow, tx, acting);
    const words = name ?? describeUserAgent(caller.userAgent).words;
    const passkey = await storeRegistered(tx, flow, { userId, name: words, ...registered }, now);
    const isFirstSecond = kind === 'security_key' && (await flow.users.setMfa(tx, userId, true));
    if (isFirstSecond) return { passkey, turnedOn: await turnOn(flow, tx, acting, passkey) };
    await record(flow, tx, acting, 'passkey.added', { passkeyId: passkey.id, kind });
    const notice = await noticeOf(flow, tx, acting, 'passkey_added');
    if (notice !== undefined) await enqueueMail(tx, notice);
    return { passkey, turnedOn: undefined };
  });
}

/** The rule got stricter: the epoch rises. The session goes on with the factor that it has just shown. */
async function turnOn(flow: ManagePasskeys, tx: Queries, acting: Acting, { id, backupEligible }: Passkey) {
  const { principal, caller, userKey, now } = acting;
  const { userId, sessionId } = principal;
  // A registration proves possession alone: nothing of the authenticator is signed.
  const proof = { by: 'passkey', passkey: { backupEligible, userVerified: false } } as const;
  const { applied, renewed } = await changeUser<readonly string[] | undefined>(flow, tx, caller, {
    userId,
    now,
    userKey,
    refusal: 'not_authenticated',
    apply: () => firstRecoveryCodes(tx, flow, userId, now),
    sessions: {
      kind: 'renew_acting',
      reason: 'factors_changed',
      sessionId,
      issuers: flow,
      context: (session) => contextWithProof(session, proof, now),
    },
    event: ({ endedSessions, renewed: session }) => ({
      action: 'passkey.added',
      actor: { kind: 'user', id: userId },
      sessionId,
      facts: {
        passkeyId: id,
        kind: 'security_key',
        endedSessions: endedSessions - 1,
        continuedAs: session?.sessionId ?? null,
      },
    }),
    mail: () => noticeOf(flow, tx, acting, 'security_key_added'),
  });
  return { issued: present(renewed, 'the renewed session'), recoveryCodes: applied };
}

async function noticeOf(
  { users, mail }: ManagePasskeys,
  tx: Queries,
  { principal: { userId }, caller, userKey, now }: Acting,
  template: 'passkey_added' | 'security_key_added',
) {
  const recipient = await users.primaryEmail(userId, tx);
  const notice = { template, tokenId: null, params: occasionOf(caller) };
  return recipient && mail.values({ ...recipient, ...notice, userId, userKey, now });
}
