/** Statements that join tables of several modules. */
import { statement } from '#platform/database/index.ts';

/** The requesting user and the primary address, which gets the notice. */
export const findSubject = statement('change_email.find_subject', {
  lane: 'read',
  sql: `select u.locale, i.id as identifier_id, i.canonical, k.wrapped
    from users u
      join user_keys k on k.user_id = u.id
      join identifiers i on i.user_id = u.id and i.kind = 'email' and i.is_primary
    where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: { locale: 'text', identifierId: 'uuid', canonical: 'text', wrapped: 'bytea' },
});

/** Another user with the address, whether verified, held or unverified. */
export const findOtherHolder = statement('change_email.find_other_holder', {
  lane: 'read',
  sql: `select u.id as user_id, u.locale, i.id as identifier_id, i.verified_at, k.wrapped
    from identifiers i join users u on u.id = i.user_id join user_keys k on k.user_id = u.id
    where i.kind = 'email' and i.canonical = :canonical and i.user_id <> :userId`,
  params: { canonical: 'text', userId: 'uuid' },
  columns: {
    userId: 'uuid',
    locale: 'text',
    identifierId: 'uuid',
    verifiedAt: 'timestamptz?',
    wrapped: 'bytea',
  },
});
