/** The statement that reads; `domain/registrations` has those that write. */
import { statement } from '#platform/database/index.ts';
import { useColumns, useFields, useFragment, useJoins } from '#platform/rate-limit/index.ts';

const used = useFragment();

/** Counts a request against the quotas and reads the user who holds the address, if there is one. */
export const findHolder = statement('register.find_holder', {
  lane: 'counter',
  sql: `with ${used.sql}
    select ${useFields}, u.id as user_id, u.auth_epoch, u.locale, i.id as identifier_id, i.verified_at, k.wrapped
    from (select) as one ${useJoins}
      left join (identifiers i join users u on u.id = i.user_id join user_keys k on k.user_id = u.id)
        on i.kind = 'email' and i.canonical = :canonical`,
  params: { canonical: 'text', ...used.params },
  columns: {
    ...useColumns,
    userId: 'uuid?',
    authEpoch: 'int4?',
    locale: 'text?',
    identifierId: 'uuid?',
    verifiedAt: 'timestamptz?',
    wrapped: 'bytea?',
  },
});
