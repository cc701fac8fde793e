import { type Fragment, type Queries, statement } from '#platform/database/index.ts';
import type { AssociatedData } from '#platform/keys/index.ts';

/** The associated data that a user's PHC string is encrypted with. */
export function passwordAssociatedData(userId: string): AssociatedData {
  return { table: 'passwords', column: 'sealed_phc', row: userId };
}

const params = { passwordSealed: 'bytea?', passwordChangedAt: 'timestamptz' } as const;

/** The CTE `stored_password`: stores `:passwordSealed` for the `user_id` of the CTE `from`, unless it is null. */
export function upsertPasswordFragment(from: string): Fragment<typeof params> {
  return {
    sql: `stored_password as (
      insert into passwords (user_id, sealed_phc, changed_at)
      select user_id, :passwordSealed::bytea, :passwordChangedAt from ${from} where :passwordSealed::bytea is not null
      on conflict (user_id) do update set sealed_phc = excluded.sealed_phc, changed_at = excluded.changed_at)`,
    params,
  };
}

const rehashParams = { rehashSealed: 'bytea?', rehashOf: 'bytea' } as const;

/**
 * The CTE `rehashed`: replaces a user's hash by one with the current parameters (`:rehashSealed`), unless it is null. The
 * CTE `from` has the `user_id`. Only the bytes that the login compared (`:rehashOf`) are replaced: a login that waited for
 * a concurrent password change to commit would otherwise restore the old password.
 */
export function rehashPasswordFragment(from: string): Fragment<typeof rehashParams> {
  return {
    sql: `rehashed as (
      update passwords set sealed_phc = :rehashSealed::bytea from ${from}
      where passwords.user_id = ${from}.user_id and passwords.sealed_phc = :rehashOf
        and :rehashSealed::bytea is not null)`,
    params: rehashParams,
  };
}

const upsert = statement('passwords.set', {
  lane: 'pool',
  sql: `insert into passwords (user_id, sealed_phc, changed_at) values (:userId, :sealedPhc, :now)
    on conflict (user_id) do update set sealed_phc = excluded.sealed_phc, changed_at = excluded.changed_at,
      must_change = false`,
  params: { userId: 'uuid', sealedPhc: 'bytea', now: 'timestamptz' },
  columns: {},
});

/** Sets a user's password; `sealedPhc` is encrypted with `passwordAssociatedData(userId)`. */
export async function setPassword(tx: Queries, userId: string, sealedPhc: Buffer, now: Date): Promise<void> {
  await tx.run(upsert, { userId, sealedPhc, now });
}

const remove = statement('passwords.delete', {
  lane: 'pool',
  sql: 'delete from passwords where user_id = :userId',
  params: { userId: 'uuid' },
  columns: {},
});

/** Deletes the password that another registration of the address left, in the transaction that verifies the address. */
export async function deletePassword(tx: Queries, userId: string): Promise<void> {
  await tx.run(remove, { userId });
}
