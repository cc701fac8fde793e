import { type Queries, statement, type Values } from '#platform/database/index.ts';

const openColumns = {
  id: 'uuid',
  asTyped: 'text',
  locale: 'text',
  role: 'text?',
  createdAt: 'timestamptz',
  expiresAt: 'timestamptz',
} as const;

const listOpen = statement('invitations.list_open', {
  lane: 'pool',
  mayLag: true,
  sql: `select id, as_typed, locale, role, created_at, expires_at from invitations
    where id > :after and consumed_at is null and expires_at > :now order by id limit :limit::integer`,
  params: { after: 'uuid', now: 'timestamptz', limit: 'int4' },
  columns: openColumns,
});

const revoke = statement('invitations.revoke', {
  lane: 'pool',
  sql: `update invitations set consumed_at = :now, outcome = 'revoked', as_typed = null, canonical = null, wrapped_key = null
    where id = :id and consumed_at is null and expires_at > :now`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: {},
});

/** An invitation that is neither used, revoked nor expired. */
export type OpenInvitation = Values<typeof openColumns>;

/** Returns open invitations in the order of creation, at most `limit`, after the id `after`. */
export function listOpenInvitations(
  queries: Queries,
  page: { readonly after: string; readonly now: Date; readonly limit: number },
): Promise<OpenInvitation[]> {
  return queries.rows(listOpen, { ...page });
}

/** Revokes an invitation; false when it is not open. */
export async function revokeInvitation(tx: Queries, id: string, now: Date): Promise<boolean> {
  return (await tx.run(revoke, { id, now })) === 1;
}
