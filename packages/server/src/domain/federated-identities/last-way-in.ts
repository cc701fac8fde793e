import { type Queries, statement } from '#platform/database/index.ts';

const findOther = statement('federated_identities.find_other_way_in', {
  lane: 'pool',
  sql: `select u.id from users u where u.id = :userId and (
      exists (select from passwords w where w.user_id = u.id)
      or (:acceptsPasskeys and exists (
        select from passkeys k where k.user_id = u.id and k.verifies_user and k.suspended_at is null))
      or exists (
        select from federated_identities i join identity_providers p on p.issuer = i.issuer and p.enabled
        where i.user_id = u.id and i.id <> :identityId and i.suspended_at is null))`,
  params: { userId: 'uuid', identityId: 'uuid', acceptsPasskeys: 'bool' },
  columns: { id: 'uuid' },
});

/** The ways in that settings open to everyone. */
export interface OtherWays {
  /** Whether a mailed link or code logs in. */
  readonly byMail: boolean;
  readonly passkeys: boolean;
}

/**
 * Whether the user could still begin a login without this identity: by password, by mail, by a passkey that verifies the user
 * and is not suspended, or by another identity of an enabled provider. Call it under the user's lock.
 */
export async function hasOtherWayIn(
  tx: Queries,
  { userId, identityId }: { readonly userId: string; readonly identityId: string },
  ways: OtherWays,
): Promise<boolean> {
  if (ways.byMail) return true;
  return (await tx.row(findOther, { userId, identityId, acceptsPasskeys: ways.passkeys })) !== undefined;
}
