/** The two statements of a login: reserve and read; write everything. */
import { forgiveAttemptsFragment, reserveAttemptFragment } from '#domain/attempts/index.ts';
import { recordFragment } from '#domain/audit/index.ts';
import { useDeviceFragment } from '#domain/devices/index.ts';
import { endingsFragment } from '#domain/endings/index.ts';
import { promiseMailFragment } from '#domain/mail-ledger/index.ts';
import { rehashPasswordFragment } from '#domain/passwords/index.ts';
import { insertFamilyFragment } from '#domain/refresh-tokens/index.ts';
import { endFamiliesFragment, insertSessionFragment } from '#domain/sessions/index.ts';
import { isLive } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';

/** A user has at most this many live sessions; the oldest make room. */
const maxSessions = 100;

const reserved = reserveAttemptFragment();

/** Reads the user behind an address and counts the attempt as failed, in one statement. */
export const reserveAttempt = statement('login.reserve_attempt', {
  lane: 'counter',
  sql: `with known as (
      select u.id, u.subject, u.status, u.auth_epoch, u.locale, i.id as identifier_id, i.verified_at, p.sealed_phc,
        p.must_change, u.closes_at, k.wrapped, d.id as device_id,
        exists (select from devices any_device where any_device.user_id = u.id) as has_devices
      from identifiers i
        join users u on u.id = i.user_id
        join user_keys k on k.user_id = u.id
        left join passwords p on p.user_id = u.id
        left join devices d on d.id = :deviceId::uuid and d.user_id = u.id and d.auth_epoch = u.auth_epoch
          and d.expires_at > :now
      where i.kind = 'email' and i.canonical = :canonical and i.held_until is null),
    ${reserved.sql}
    select reserved.failures, known.id as user_id, known.subject, known.status, known.auth_epoch, known.locale,
      known.identifier_id, known.verified_at, known.sealed_phc, known.must_change, known.wrapped, known.device_id,
      known.has_devices, known.closes_at
    from reserved left join known on true`,
  params: { canonical: 'text', deviceId: 'uuid?', now: 'timestamptz', ...reserved.params },
  columns: {
    failures: 'int4',
    userId: 'uuid?',
    subject: 'text?',
    status: 'text?',
    authEpoch: 'int4?',
    locale: 'text?',
    identifierId: 'uuid?',
    verifiedAt: 'timestamptz?',
    sealedPhc: 'bytea?',
    mustChange: 'bool?',
    wrapped: 'bytea?',
    deviceId: 'uuid?',
    hasDevices: 'bool?',
    closesAt: 'timestamptz?',
  },
});

const device = useDeviceFragment('live');
const session = insertSessionFragment('live');
const family = insertFamilyFragment('created_session');
const rehashed = rehashPasswordFragment('live');
const forgiven = forgiveAttemptsFragment('live');
const announced = endingsFragment('session', 'ended');
const mailed = promiseMailFragment('told');
const audited = recordFragment('live');

/**
 * Everything that a completed login writes. No row: the user changed since they were read.
 * The user's row is taken first, as everywhere: the references to it take it anyway, but last, when rows are held that an
 * effect on the user wants, and the two would deadlock.
 */
export const completeLogin = statement('login.complete', {
  lane: 'write',
  sql: `with live as (
      select u.id as user_id from users u
      where u.id = :loginUserId and u.auth_epoch = :sessionEpoch and ${isLive('u')}
      for key share),
    ${device.sql},
    ${session.sql},
    ${family.sql},
    ${rehashed.sql},
    ${forgiven.sql},
    excess as (
      select id from sessions where user_id = :loginUserId and ended_at is null
      order by created_at desc offset ${maxSessions - 1} for update skip locked),
    ended as (
      update sessions s set ended_at = :endedAt, end_reason = :reason from excess, live where s.id = excess.id
      returning s.id as session_id, s.user_id),
    ${endFamiliesFragment('ended')},
    ${announced.sql},
    told as (select user_id from live where :tellOfDevice::boolean),
    ${mailed.sql},
    ${audited.sql}
    select user_id, array(select session_id from ended) as ended_sessions from live`,
  params: {
    loginUserId: 'uuid',
    tellOfDevice: 'bool',
    reason: 'text',
    ...device.params,
    ...session.params,
    ...family.params,
    ...rehashed.params,
    ...forgiven.params,
    ...announced.params,
    ...mailed.params,
    ...audited.params,
  },
  columns: { userId: 'uuid', endedSessions: 'uuid[]' },
});
