import { type Queries, statement, type Values } from '#platform/database/index.ts';
import { hashSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

const columns = { id: 'uuid', asTyped: 'text', canonical: 'text', locale: 'text', role: 'text?' } as const;
const selected = 'select id, as_typed, canonical, locale, role from invitations';
const isActive = 'consumed_at is null and expires_at > :now';
const byHash = {
  sql: `${selected} where hash = :hash and ${isActive}`,
  params: { hash: 'bytea', now: 'timestamptz' },
} as const;
const byId = { sql: `${selected} where id = :id and ${isActive}`, params: { id: 'uuid', now: 'timestamptz' } } as const;

const findActive = statement('invitations.find_active', { lane: 'read', ...byHash, columns });
const findActiveById = statement('invitations.find_active_by_id', { lane: 'read', ...byId, columns });

/** A CTE locks and reads the row first, because RETURNING returns the updated row, whose address is null. */
function useOf(active: string): string {
  return `with active as (${active} for update)
    update invitations i set consumed_at = :now, outcome = 'used', as_typed = null, canonical = null, wrapped_key = null
    from active where i.id = active.id
    returning active.id, active.as_typed, active.canonical, active.locale, active.role`;
}

const use = statement('invitations.use', { ...byHash, lane: 'pool', sql: useOf(byHash.sql), columns });
const useById = statement('invitations.use_by_id', { ...byId, lane: 'pool', sql: useOf(byId.sql), columns });

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

/** Returns the invitation that a sign-in with a provider was begun for, whose link was read then. */
export function findActiveInvitationById(
  queries: Queries,
  id: string,
  now: Date,
): Promise<ActiveInvitation | undefined> {
  return queries.row(findActiveById, { id, now });
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

/** As `useInvitation`, for an invitation whose link was read before. */
export function useInvitationById(tx: Queries, id: string, now: Date): Promise<ActiveInvitation | undefined> {
  return tx.row(useById, { id, now });
}
