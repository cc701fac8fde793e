/** Using an invitation: one statement decides who wins. */
import { type Queries, statement, type Values } from '#platform/database/index.ts';
import { hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

const columns = { id: 'uuid', asTyped: 'text', canonical: 'text', locale: 'text', role: 'text?' } as const;
const params = { hash: 'bytea', now: 'timestamptz' } as const;

const live = `select id, as_typed, canonical, locale, role from invitations
  where hash = :hash and consumed_at is null and expires_at > :now`;

const findActive = statement('invitations.find_live', { lane: 'read', sql: live, params, columns });

// The row is locked before it is read: what RETURNING shows is the row after the update, which has no address any more.
const use = statement('invitations.use', {
  lane: 'pool',
  sql: `with live as (${live} for update)
    update invitations i set consumed_at = :now, outcome = 'used', as_typed = null, canonical = null
    from live where i.id = live.id
    returning live.id, live.as_typed, live.canonical, live.locale, live.role`,
  params,
  columns,
});

/** An invitation that is, or until now was, alive. */
export type ActiveInvitation = Values<typeof columns>;

/** Looks without using, for the page that the link opens. */
export async function findActiveInvitation(
  queries: Queries,
  text: string,
  now: Date,
): Promise<ActiveInvitation | undefined> {
  if (parseSecret(secretPrefixes.oneTimeLink, text) === null) return undefined;
  return queries.row(findActive, { hash: hashSecret(text), now });
}

/** Uses it, in the transaction of its effect; undefined when it is unknown, used, revoked or expired. */
export async function useInvitation(tx: Queries, text: string, now: Date): Promise<ActiveInvitation | undefined> {
  if (parseSecret(secretPrefixes.oneTimeLink, text) === null) return undefined;
  return tx.row(use, { hash: hashSecret(text), now });
}
