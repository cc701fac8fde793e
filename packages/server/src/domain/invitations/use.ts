import { type Queries, statement, type Values } from '#platform/database/index.ts';
import { hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

const columns = { id: 'uuid', asTyped: 'text', canonical: 'text', locale: 'text', role: 'text?' } as const;
const params = { hash: 'bytea', now: 'timestamptz' } as const;

const active = `select id, as_typed, canonical, locale, role from invitations
  where hash = :hash and consumed_at is null and expires_at > :now`;

const findActive = statement('invitations.find_active', { lane: 'read', sql: active, params, columns });

// A CTE locks and reads the row first, because RETURNING returns the updated row, whose address is null.
const use = statement('invitations.use', {
  lane: 'pool',
  sql: `with active as (${active} for update)
    update invitations i set consumed_at = :now, outcome = 'used', as_typed = null, canonical = null, wrapped_key = null
    from active where i.id = active.id
    returning active.id, active.as_typed, active.canonical, active.locale, active.role`,
  params,
  columns,
});

/** An invitation that is active, or was until `useInvitation` used it. */
export type ActiveInvitation = Values<typeof columns>;

/** Returns the invitation of a link without using it, for the page that the link opens. */
export async function findActiveInvitation(
  queries: Queries,
  text: string,
  now: Date,
): Promise<ActiveInvitation | undefined> {
  if (parseSecret(secretPrefixes.oneTimeLink, text) === null) return undefined;
  return queries.row(findActive, { hash: hashSecret(text), now });
}

const findUsed = statement('invitations.find_used', {
  lane: 'read',
  sql: `select locale from invitations where hash = :hash and outcome = 'used'`,
  params: { hash: 'bytea' },
  columns: { locale: 'text' },
});

/** Returns the locale of an invitation that was used, for the page that its link opens. */
export async function findUsedInvitation(
  queries: Queries,
  text: string,
): Promise<{ readonly locale: string } | undefined> {
  if (parseSecret(secretPrefixes.oneTimeLink, text) === null) return undefined;
  return queries.row(findUsed, { hash: hashSecret(text) });
}

/** Uses an invitation in the transaction of its effect; undefined when it is unknown, used, revoked or expired. */
export async function useInvitation(tx: Queries, text: string, now: Date): Promise<ActiveInvitation | undefined> {
  if (parseSecret(secretPrefixes.oneTimeLink, text) === null) return undefined;
  return tx.row(use, { hash: hashSecret(text), now });
}
