/** The statement of a login that reads and reserves; the one that writes everything is `issued-sessions`'. */
import { guessColumns, guessFields, reserveGuessFragment } from '#domain/attempts/index.ts';
import { candidateColumns, candidateFields, candidateParams, candidateSql } from '#domain/logins/index.ts';
import { statement } from '#platform/database/index.ts';
import { useColumns, useFields, useFragment, useGranted, useJoins } from '#platform/rate-limit/index.ts';

const reserved = reserveGuessFragment(
  `case when known.device_id is null then 'password' else 'password_known_device' end`,
  { when: useGranted },
);

/**
 * Reads the user behind an address, counts a use of the caller's limit and the attempt as failed, in one statement; a
 * known device counts apart.
 */
export const reserveAttempt = statement('login.reserve_attempt', {
  lane: 'counter',
  sql: `with known as (${candidateSql('i.canonical = :canonical')}),
    ${useFragment.sql},
    ${reserved.sql}
    select ${useFields}, ${guessFields}, ${candidateFields}
    from (select) as one ${useJoins}
      left join reserved on true left join standing on true left join known on true`,
  params: { canonical: 'text', ...candidateParams, ...useFragment.params, ...reserved.params },
  columns: { ...useColumns, ...guessColumns, ...candidateColumns },
});
