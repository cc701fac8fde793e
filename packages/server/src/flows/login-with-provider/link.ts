/** Linking an identity to the user of a session, which has requested it and has stepped up. */
import { linkIdentity } from '#domain/federated-identities/index.ts';
import { enqueueMail, occasionOf } from '#domain/mail-ledger/index.ts';
import { findActing } from '#domain/session-issuance/index.ts';
import { lockUser } from '#domain/user-changes/index.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import type { LoginWithProvider } from './at-provider.ts';
import { profileOf, requireEnabled, type VouchedIdentity } from './sign-up.ts';

/** The identity that is linked. */
export type IdentityToLink = Pick<VouchedIdentity, 'provider' | 'issuer' | 'subject' | 'email' | 'name'>;

/**
 * Links an identity. It revokes nothing: a further way in makes no rule stricter. One that was suspended by a recovery works
 * again.
 *
 * @throws Problem `identity_taken` when another user has it; `not_authenticated` when the session has ended meanwhile.
 */
export async function linkOwn(
  flow: LoginWithProvider,
  identity: IdentityToLink,
  principal: Principal,
  caller: Caller,
  before?: (tx: Queries) => Promise<void>,
): Promise<void> {
  const { userId, authEpoch } = principal;
  const userKey = await flow.users.key(userId);
  if (userKey === undefined) throw new Problem('not_authenticated');
  await flow.database.transaction(async (tx) => {
    const now = flow.clock.now();
    await lockUser(flow.users, tx, { userId, authEpoch, statuses: ['active'], refusal: 'not_authenticated' });
    if ((await findActing(tx, principal, now)) === undefined) throw new Problem('not_authenticated');
    await requireEnabled(tx, identity.provider.id);
    await before?.(tx);
    const { issuer, subject } = identity;
    const profile = profileOf(identity);
    const linked = await linkIdentity(tx, flow.makeId, { userId, userKey, issuer, subject, profile, now });
    if (linked.kind === 'taken') throw new Problem('identity_taken');
    if (linked.kind === 'unchanged') return;
    const action = linked.kind === 'linked' ? 'identity.linked' : 'identity.resumed';
    await report(flow, tx, { action, identityId: linked.id, identity, principal, caller, userKey, now });
  });
}

interface Linked {
  readonly action: 'identity.linked' | 'identity.resumed';
  readonly identityId: string;
  readonly identity: IdentityToLink;
  readonly principal: Principal;
  readonly caller: Caller;
  readonly userKey: UserKey;
  readonly now: Date;
}

async function report(
  flow: Pick<LoginWithProvider, 'audit' | 'users' | 'mail'>,
  tx: Queries,
  linked: Linked,
): Promise<void> {
  const { action, identityId, identity, principal, caller, userKey, now } = linked;
  const { userId, sessionId } = principal;
  const actor = { kind: 'user', id: userId } as const;
  const facts = { identityId, provider: identity.provider.id };
  const personal = clientInfoOf(caller);
  await flow.audit.record(tx, { action, at: now, actor, userId, sessionId, facts, personal }, userKey);
  const recipient = await flow.users.primaryEmail(userId, tx);
  if (recipient === undefined) return;
  const params = { ...occasionOf(caller), provider: identity.provider.name };
  const notice = { template: 'identity_linked', tokenId: null, params } as const;
  await enqueueMail(tx, flow.mail.values({ ...recipient, ...notice, userId, userKey, now }));
}
