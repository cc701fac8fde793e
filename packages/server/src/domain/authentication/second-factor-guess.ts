/** Reserving a guess at a second factor: it is counted before anything is compared (invariant 2). */
import {
  attemptColumns,
  attemptFields,
  requireAttempt,
  reserveAttemptFragment,
  secondFactorSchedule,
} from '#domain/attempts/index.ts';
import { isActive } from '#domain/users/index.ts';
import { assert } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { type Database, statement } from '#platform/database/index.ts';
import {
  noUse,
  type QuotaReservation,
  useColumns,
  useFields,
  useFragment,
  useGranted,
  useJoins,
} from '#platform/rate-limit/index.ts';
import { hashSecret } from '#protocol/secret-token/index.ts';

const used = useFragment();
const reserved = reserveAttemptFragment(
  `case when known.device_id is null then 'second_factor' else 'second_factor_known_device' end`,
  { when: `exists (select from known) and ${useGranted()}`, schedule: secondFactorSchedule },
);

/**
 * Takes one use of the client's rate limit, reads the user of a ticket with the secret of their authenticator, and counts one
 * failed guess, of all logins of the user together. A known device has its own counter, so that who knows the password cannot
 * lock the user out of it. Without a usable ticket no guess is counted.
 */
const reserve = statement('second_factor.reserve_guess', {
  lane: 'counter',
  sql: `with known as (
      select u.id, d.id as device_id, k.wrapped, s.id as secret_id, s.sealed_secret
      from logins l
        join users u on u.id = l.user_id and u.auth_epoch = l.auth_epoch and ${isActive('u')}
        join user_keys k on k.user_id = u.id
        left join devices d on d.id = :deviceId::uuid and d.user_id = u.id and d.auth_epoch = u.auth_epoch
          and d.expires_at > :attemptedAt
        left join totp_secrets s on s.user_id = u.id and s.confirmed_at is not null
      where l.ticket_hash = :ticketHash and l.browser_hash is not distinct from :browserHash::bytea
        and l.consumed_at is null and l.expires_at > :attemptedAt),
    ${used.sql},
    ${reserved.sql}
    select ${useFields}, ${attemptFields}, known.id as user_id, known.device_id, known.wrapped, known.secret_id,
      known.sealed_secret
    from (select) as one ${useJoins}
      left join reserved on true left join attempt_counter on true left join known on true`,
  params: { ticketHash: 'bytea', browserHash: 'bytea?', deviceId: 'uuid?', ...used.params, ...reserved.params },
  columns: {
    ...useColumns,
    ...attemptColumns,
    userId: 'uuid?',
    deviceId: 'uuid?',
    wrapped: 'bytea?',
    secretId: 'uuid?',
    sealedSecret: 'bytea?',
  },
});

/** A guess that was counted, and the facts to compare it with. */
export interface ReservedGuess {
  readonly userId: string;
  readonly wrapped: Buffer;
  /** The number of this guess since the last right one, from 1. */
  readonly number: number;
  readonly fromKnownDevice: boolean;
  /** The secret of the authenticator; undefined for a user without one. */
  readonly totp: { readonly secretId: string; readonly sealed: Buffer } | undefined;
}

/** The ticket of a guess, the browser of a page, and the known device. */
export interface GuessOfTicket {
  readonly ticket: string;
  readonly browserHash?: Buffer | undefined;
  readonly deviceId: string | undefined;
  /** The use of the client's rate limit, where it is not counted yet. */
  readonly quota?: QuotaReservation | undefined;
}

/**
 * Counts a guess at the second factor of a ticket's user.
 *
 * @throws Problem `invalid_ticket`, without counting a guess; `too_many_requests` after too many wrong codes, or when the client's
 * rate limit is exhausted.
 */
export async function reserveSecondFactor(
  database: Database,
  { ticket, browserHash, deviceId, quota = noUse }: GuessOfTicket,
  now: Date,
): Promise<ReservedGuess> {
  const row = await database.row(reserve, {
    ticketHash: hashSecret(ticket),
    browserHash: browserHash ?? null,
    deviceId: deviceId ?? null,
    // Nothing is counted without a user.
    unknownKey: Buffer.alloc(0),
    attemptedAt: now,
    ...quota.sqlParams(),
  });
  assert(row !== undefined, 'the statement returns one row in every case');
  await quota.recordResult(row);
  quota.require();
  if (row.userId === null || row.wrapped === null) throw new Problem('invalid_ticket');
  const { userId, wrapped } = row;
  const number = requireAttempt(row, now, secondFactorSchedule);
  return { userId, wrapped, number, fromKnownDevice: row.deviceId !== null, totp: secretOf(row) };
}

const reservedOfUser = reserveAttemptFragment(`'second_factor_known_device'`, {
  when: 'exists (select from known)',
  schedule: secondFactorSchedule,
});

const reserveOfUser = statement('second_factor.reserve_guess_of_user', {
  lane: 'counter',
  sql: `with known as (
      select u.id, k.wrapped, s.id as secret_id, s.sealed_secret
      from users u
        join user_keys k on k.user_id = u.id
        left join totp_secrets s on s.user_id = u.id and s.confirmed_at is not null
      where u.id = :userId and ${isActive('u')}),
    ${reservedOfUser.sql}
    select ${attemptFields}, known.id as user_id, known.wrapped, known.secret_id, known.sealed_secret
    from (select) as one left join reserved on true left join attempt_counter on true left join known on true`,
  params: { userId: 'uuid', ...reservedOfUser.params },
  columns: { ...attemptColumns, userId: 'uuid?', wrapped: 'bytea?', secretId: 'uuid?', sealedSecret: 'bytea?' },
});

/**
 * Counts a guess at a second factor within a session, in the counter for known devices: an attacker without a session
 * cannot exhaust it.
 *
 * @throws Problem `not_authenticated` for a user who is gone; `too_many_requests` after too many wrong codes.
 */
export async function reserveSecondFactorOfUser(
  database: Database,
  userId: string,
  now: Date,
): Promise<Omit<ReservedGuess, 'fromKnownDevice'>> {
  const row = await database.row(reserveOfUser, { userId, unknownKey: Buffer.alloc(0), attemptedAt: now });
  if (row === undefined || row.userId === null || row.wrapped === null) throw new Problem('not_authenticated');
  return { userId, wrapped: row.wrapped, number: requireAttempt(row, now, secondFactorSchedule), totp: secretOf(row) };
}

function secretOf({
  secretId,
  sealedSecret,
}: {
  readonly secretId: string | null;
  readonly sealedSecret: Buffer | null;
}) {
  return secretId === null || sealedSecret === null ? undefined : { secretId, sealed: sealedSecret };
}
