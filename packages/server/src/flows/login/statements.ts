/** The statement of a login that reads and reserves; the one that writes everything is `issued-sessions`'. */
import { attemptColumns, attemptFields, reserveAttemptFragment } from '#domain/attempts/index.ts';
import { candidateColumns, candidateFields, candidateParams, candidateSql } from '#domain/authentication/index.ts';
import { statement } from '#platform/database/index.ts';
import { useColumns, useFields, useFragment, useGranted, useJoins } from '#platform/rate-limit/index.ts';

/** Who comes with a device that the user has logged in on has a budget of their own, which no stranger can use up. */
const isKnownDevice = 'exists (select from known where device_id is not null)';
const used = useFragment(isKnownDevice);
const reserved = reserveAttemptFragment(
  `case when known.device_id is null then 'password' else 'password_known_device' end`,
  { when: useGranted(isKnownDevice) },
);

/**
 * Reads the user behind an address, counts a use of the caller's limit and the attempt as failed, in one statement; a
 * known device counts apart, and is not held up by what others tried from its address.
 */
export const reserveAttempt = statement('login.reserve_attempt', {
  lane: 'counter',
  sql: `with known as (${candidateSql('i.canonical = :canonical')}),
    ${used.sql},
    ${reserved.sql}
    select ${useFields}, ${attemptFields}, ${candidateFields}
    from (select) as one ${useJoins}
      left join reserved on true left join attempt_counter on true left join known on true`,
  params: { canonical: 'text', ...candidateParams, ...used.params, ...reserved.params },
  columns: { ...useColumns, ...attemptColumns, ...candidateColumns },
});
