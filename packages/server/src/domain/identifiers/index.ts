/**
 * Identifiers of users; today these are email addresses. Owns `identifiers`; no routes.
 *
 * Invariants:
 * - A canonical form belongs to at most one user. The unique constraint decides concurrent claims.
 * - Lookups compare the canonical form; the form as typed is only displayed.
 * - An address never links accounts (invariant 6).
 * - An address that its user has replaced is held (`held_until`): it belongs to the user until the link that undoes the
 *   change has expired. Held addresses cannot log in or recover the account, so every such lookup must exclude them.
 *
 * Example: at 12:00 a user changes `a@x.example` to `b@x.example`. The row of `b` becomes primary; the row of `a` is kept
 * with `held_until` = 12:00 three days later. Until then no other user can claim `a`, and the undo link restores it.
 */
import { type Fragment, type Queries, statement } from '#platform/database/index.ts';

export {
  type Address,
  claimProvenEmail,
  deleteHeldIdentifiers,
  type EmailRestoration,
  holdPrimaryEmail,
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
 * The CTE `claimed`: inserts the address unless a user has it. It has a row exactly when this statement inserted the
 * address, so the other inserts of a registration select from it.
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

/** The CTE `holder`: the `user_id` of an unverified address, if the user's epoch is still `:holderEpoch`. */
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
  sql: `update identifiers set verified_at = :now, as_typed = coalesce(:asTyped, canonical)
    where id = :id and verified_at is null`,
  params: { id: 'uuid', asTyped: 'text?', now: 'timestamptz' },
  columns: {},
});

/**
 * Marks an address as verified; false when it was already. The spelling becomes the one that the owner of the mailbox typed;
 * when it is unknown, the canonical form, because the stored one may be a stranger's (invariant 18).
 */
export async function verifyIdentifier(
  tx: Queries,
  { id, asTyped, now }: { readonly id: string; readonly asTyped: string | undefined; readonly now: Date },
): Promise<boolean> {
  return (await tx.run(verify, { id, asTyped: asTyped ?? null, now })) === 1;
}

const findEmail = statement('identifiers.find_email', {
  lane: 'read',
  sql: `select user_id, verified_at from identifiers where kind = 'email' and canonical = :canonical`,
  params: { canonical: 'text' },
  columns: { userId: 'uuid', verifiedAt: 'timestamptz?' },
});

/** The user of an address; `isProven` is true for a held address too. */
export interface EmailHolder {
  readonly userId: string;
  readonly isProven: boolean;
}

/** Returns the user who has the address, verified, unverified or held. */
export async function findHolderOfEmail(queries: Queries, canonical: string): Promise<EmailHolder | undefined> {
  const row = await queries.row(findEmail, { canonical });
  return row === undefined ? undefined : { userId: row.userId, isProven: row.verifiedAt !== null };
}
