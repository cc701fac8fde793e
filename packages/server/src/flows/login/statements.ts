/** The statement of a login that reads and reserves; the one that writes everything is `issued-sessions`'. */
import { reserveAttemptFragment } from '#domain/attempts/index.ts';
import { candidateColumns, candidateFields, candidateParams, candidateSql } from '#domain/logins/index.ts';
import { statement } from '#platform/database/index.ts';

const reserved = reserveAttemptFragment();

/** Reads the user behind an address and counts the attempt as failed, in one statement. */
export const reserveAttempt = statement('login.reserve_attempt', {
  lane: 'counter',
  sql: `with known as (${candidateSql('i.canonical = :canonical')}),
    ${reserved.sql}
    select reserved.failures, ${candidateFields}
    from reserved left join known on true`,
  params: { canonical: 'text', ...candidateParams, ...reserved.params },
  columns: { failures: 'int4', ...candidateColumns },
});
