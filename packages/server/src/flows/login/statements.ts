/** The first statement of a login by password. The second, `login.complete`, belongs to the gate. */
import { attemptColumns, attemptFields, reserveAttemptFragment } from '#domain/attempts/index.ts';
import { candidateColumns, candidateFields, candidateParams, candidateSql } from '#domain/authentication/index.ts';
import { statement } from '#platform/database/index.ts';
import { useColumns, useFields, useFragment, useGranted, useJoins } from '#platform/rate-limit/index.ts';

/** SQL: whether the request comes from a device that the user has logged in on. */
const isKnownDevice = 'exists (select from known where device_id is not null)';
const used = useFragment(isKnownDevice);
const reserved = reserveAttemptFragment(
  `case when known.device_id is null then 'password' else 'password_known_device' end`,
  { when: useGranted(isKnownDevice) },
);

/**
 * Reads the user of an address, takes one use of the client's rate limit and counts one failed attempt.
 * A known device has its own counter and takes nothing from the rate limit, so that an attacker cannot exhaust either of
 * them for the user.
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
