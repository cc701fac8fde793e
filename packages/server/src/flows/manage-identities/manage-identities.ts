/** The user's own identities: list and unlink. */
import type { AuditLog } from '#domain/audit/index.ts';
import {
  type FederatedIdentity,
  hasOtherWayIn,
  listIdentities,
  unlinkIdentity,
} from '#domain/federated-identities/index.ts';
import type { IdentityProvider, IdentityProviders } from '#domain/identity-providers/index.ts';
import { type MailLedger, occasionOf } from '#domain/mail-ledger/index.ts';
import { acceptsPasskeys, type PasskeySettings } from '#domain/passkeys/index.ts';
import type { IssuedSession, Issuers } from '#domain/session-issuance/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import type { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';

/** Dependencies of the flow. */
export interface ManageIdentities extends Issuers {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly identityProviders: Pick<IdentityProviders, 'enabled' | 'nameOf'>;
  readonly passkeys: PasskeySettings;
  /** Whether a mailed link or code logs in. */
  readonly loginByMail: { readonly magicLink: boolean; readonly emailCode: boolean };
  /** How recent the proof must be. */
  readonly stepUpSeconds: number;
}

/** An identity with the provider that it is of; undefined when that was removed or disabled. */
export interface OwnIdentity extends FederatedIdentity {
  readonly provider: IdentityProvider | undefined;
  readonly providerName: string;
}

export async function listOwn(flow: ManageIdentities, { userId }: Principal): Promise<readonly OwnIdentity[]> {
  const identities = await listIdentities(flow.database, await keyOf(flow, userId), userId);
  return identities.map((identity) => ({
    ...identity,
    provider: providerOf(flow, identity.issuer),
    providerName: flow.identityProviders.nameOf(identity.issuer),
  }));
}

function providerOf({ identityProviders }: ManageIdentities, issuer: string): IdentityProvider | undefined {
  return identityProviders.enabled().find((provider) => provider.issuer === issuer);
}

/**
 * Unlinks an identity: a way in goes, so the epoch rises, every other session ends and this one goes on under a new id.
 *
 * @throws Problem `identity_not_found`, also for the identity of another user; `last_login_method`.
 */
export async function unlinkOwn(
  flow: ManageIdentities,
  id: string,
  principal: Principal,
  caller: Caller,
): Promise<IssuedSession> {
  const { userId, sessionId } = principal;
  const now = flow.clock.now();
  const userKey = await keyOf(flow, userId);
  const { magicLink, emailCode } = flow.loginByMail;
  const ways = { byMail: magicLink || emailCode, passkeys: acceptsPasskeys(flow.passkeys) };
  const { renewed } = await flow.database.transaction((tx) =>
    changeUser(flow, tx, caller, {
      userId,
      now,
      userKey,
      refusal: 'not_authenticated',
      apply: async () => {
        const issuer = await unlinkIdentity(tx, id, userId);
        if (issuer === undefined) throw new Problem('identity_not_found');
        if (!(await hasOtherWayIn(tx, { userId, identityId: id }, ways))) throw new Problem('last_login_method');
        return { issuer, provider: providerOf(flow, issuer) };
      },
      sessions: { kind: 'renew_acting', reason: 'factors_changed', sessionId, issuers: flow },
      event: ({ endedSessions, renewed: session, applied: { provider } }) => ({
        action: 'identity.unlinked',
        actor: { kind: 'user', id: userId },
        sessionId,
        facts: {
          identityId: id,
          provider: provider?.id ?? null,
          endedSessions: endedSessions - 1,
          continuedAs: session?.sessionId ?? null,
        },
      }),
      mail: async (_, { applied: { issuer } }) => {
        const recipient = await flow.users.primaryEmail(userId, tx);
        const params = { ...occasionOf(caller), provider: flow.identityProviders.nameOf(issuer) };
        const notice = { template: 'identity_unlinked', tokenId: null, params } as const;
        return recipient && flow.mail.values({ ...recipient, ...notice, userId, userKey, now });
      },
    }),
  );
  return present(renewed, 'the renewed session');
}

/** The user's key; the user may have been erased since the session check. */
async function keyOf({ users }: ManageIdentities, userId: string): Promise<UserKey> {
  const userKey = await users.key(userId);
  if (userKey === undefined) throw new Problem('not_authenticated');
  return userKey;
}
