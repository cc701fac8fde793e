/**
 * Names by which a person is found: for now e-mail addresses. Owns `identifiers`.
 * Invariants: one row per kind and canonical form, whoever is first; the canonical form decides who is meant, the form
 * as typed is what is shown; an address never links accounts by itself (invariant 6); an address that its user gave up
 * (`held_until`) stays claimed until the link that undoes the change has expired; it logs nobody in and recovers
 * nothing, so whoever looks there leaves held ones out.
 */
import { type Fragment, type Queries, statement } from '#platform/database/index.ts';

export {
  type Address,
  claimProvenEmail,
  deleteHeldIdentifiers,
  holdPrimaryEmail,
  type Restoring,
  restoreEmail,
} from './change.ts';
export { emailInput } from './email-input.ts';

const params = {
  identifierId: 'uuid',
  identifierUserId: 'uuid',
  identifierAsTyped: 'text',
  identifierCanonical: 'text',
  identifierVerifiedAt: 'timestamptz?',
  identifierCreatedAt: 'timestamptz',
} as const;

/**
 * The CTE `claimed`: the address, if nobody has it yet. It answers a row exactly when this effect won the address, so
 * everything else of a registration hangs on it.
 */
export function claimEmailFragment(): Fragment<typeof params> {
  return {
    sql: `claimed as (
      insert into identifiers (id, user_id, kind, as_typed, canonical, is_primary, verified_at, created_at)
      values (:identifierId, :identifierUserId, 'email', :identifierAsTyped, :identifierCanonical, true,
        :identifierVerifiedAt, :identifierCreatedAt)
      on conflict (kind, canonical) do nothing
      returning user_id)`,
    params,
  };
}

const holderParams = { holderIdentifierId: 'uuid', holderEpoch: 'int4' } as const;

/** The CTE `holder`: the `user_id` behind an address that nobody has proven yet, if the epoch is still the one read. */
export function unverifiedHolderFragment(): Fragment<typeof holderParams> {
  return {
    sql: `holder as (
      select u.id as user_id from users u join identifiers i on i.user_id = u.id
      where i.id = :holderIdentifierId and u.auth_epoch = :holderEpoch and i.verified_at is null)`,
    params: holderParams,
  };
}

const verify = statement('identifiers.verify', {
  lane: 'pool',
  sql: `update identifiers set verified_at = :now where id = :id and verified_at is null`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: {},
});

/** Marks an address as proven; false when it was already. */
export async function verifyIdentifier(tx: Queries, id: string, now: Date): Promise<boolean> {
  return (await tx.run(verify, { id, now })) === 1;
}

const findEmail = statement('identifiers.find_email', {
  lane: 'read',
  sql: `select user_id, verified_at from identifiers where kind = 'email' and canonical = :canonical`,
  params: { canonical: 'text' },
  columns: { userId: 'uuid', verifiedAt: 'timestamptz?' },
});

/** Who has an address. A held one is proven. */
export interface EmailHolder {
  readonly userId: string;
  readonly isProven: boolean;
}

/** Who has the address, proven or not. */
export async function findHolderOfEmail(queries: Queries, canonical: string): Promise<EmailHolder | undefined> {
  const row = await queries.row(findEmail, { canonical });
  return row === undefined ? undefined : { userId: row.userId, isProven: row.verifiedAt !== null };
}
