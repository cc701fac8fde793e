/** One statement reads; one statement for each state of the address performs the whole write. */
import { recordFragment } from '#domain/audit/index.ts';
import { signUpTicketFragment } from '#domain/authentication/index.ts';
import { claimEmailFragment } from '#domain/identifiers/index.ts';
import { enqueueMailFragment } from '#domain/mail-ledger/index.ts';
import { insertTokenFragment } from '#domain/one-time-tokens/index.ts';
import { upsertPasswordFragment } from '#domain/passwords/index.ts';
import { insertUserFragment } from '#domain/users/index.ts';
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

const claimed = claimEmailFragment();
const created = insertUserFragment('claimed');
const password = upsertPasswordFragment('claimed');
const issuedToClaimed = insertTokenFragment('claimed');
const mailToClaimed = enqueueMailFragment('issued');
const auditedClaim = recordFragment('claimed');
const ticketOfClaim = signUpTicketFragment('claimed');

/** For a free address. Every fragment depends on the claim of the identifier; no row when another request claimed it first. */
export const createUser = statement('register.create_user', {
  lane: 'write',
  sql: `with ${claimed.sql}, ${created.sql}, ${password.sql}, ${issuedToClaimed.sql}, ${mailToClaimed.sql},
    ${auditedClaim.sql}, ${ticketOfClaim.sql}
    select user_id from claimed`,
  params: {
    ...claimed.params,
    ...created.params,
    ...password.params,
    ...issuedToClaimed.params,
    ...mailToClaimed.params,
    ...auditedClaim.params,
    ...ticketOfClaim.params,
  },
  columns: { userId: 'uuid' },
  after: { wakesWorkers: true },
});

const owner = `owner as (select user_id from identifiers where id = :ownerIdentifierId)`;
const mailToOwner = enqueueMailFragment('owner');
const auditedRefusal = recordFragment('owner');
const ticketOfNobody = signUpTicketFragment('owner');

/** For a verified address: enqueues the notice to its owner. The ticket is of a registration that does not exist. No row when the account was deleted meanwhile. */
export const notifyOwner = statement('register.notify_owner', {
  lane: 'write',
  sql: `with ${owner}, ${mailToOwner.sql}, ${auditedRefusal.sql}, ${ticketOfNobody.sql} select user_id from owner`,
  params: { ownerIdentifierId: 'uuid', ...mailToOwner.params, ...auditedRefusal.params, ...ticketOfNobody.params },
  columns: { userId: 'uuid' },
  after: { wakesWorkers: true },
});
