/** The one statement that ends a login, whichever way it came. */
import { resetFailedAttemptsFragment } from '#domain/attempts/index.ts';
import { recordFragment } from '#domain/audit/index.ts';
import { useDeviceFragment } from '#domain/devices/index.ts';
import { enqueueMailFragment } from '#domain/mail-ledger/index.ts';
import { rehashPasswordFragment } from '#domain/passwords/index.ts';
import { insertFamilyFragment } from '#domain/refresh-tokens/index.ts';
import { revocationsFragment } from '#domain/revocations/index.ts';
import { endFamiliesFragment, insertSessionFragment } from '#domain/sessions/index.ts';
import { isActive } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';
import { afterRefund, refundFragment } from '#platform/rate-limit/index.ts';

/** A user has at most this many live sessions; the oldest make room. */
const maxSessions = 100;

const device = useDeviceFragment('live');
const session = insertSessionFragment('live');
const family = insertFamilyFragment('created_session');
const rehashed = rehashPasswordFragment('live');
const returned = refundFragment('live');
const forgiven = resetFailedAttemptsFragment('was_right');
const announced = revocationsFragment('session', 'ended');
const mailed = enqueueMailFragment('told');
const audited = recordFragment('live');

/**
 * Everything that a completed login writes. No row: the user changed since they were read.
 * The user's row is taken first, as everywhere: the references to it take it anyway, but last, when rows are held that an
 * effect on the user wants, and the two would deadlock. Only then come the counters that the guess was reserved in, in the
 * order in which it was.
 */
export const completeStatement = statement('login.complete', {
  lane: 'write',
  sql: `with live as (
      select u.id as user_id from users u
      where u.id = :loginUserId and u.auth_epoch = :sessionEpoch and ${isActive('u')}
      for key share),
    ${device.sql},
    ${session.sql},
    ${family.sql},
    ${rehashed.sql},
    ${returned.sql},
    was_right as (select user_id from live where ${afterRefund}),
    ${forgiven.sql},
    excess as (
      select id from sessions where user_id = :loginUserId and ended_at is null
      order by created_at desc offset ${maxSessions - 1} for update skip locked),
    ended as (
      update sessions s set ended_at = :endedAt, end_reason = :reason from excess, live where s.id = excess.id
      returning s.id as session_id, s.user_id),
    ${endFamiliesFragment('ended')},
    ${announced.sql},
    told as (select user_id from live where :notifyOfDevice::boolean),
    ${mailed.sql},
    ${audited.sql}
    select user_id, array(select session_id from ended) as ended_sessions, exists (select from mailed) as is_mail_queued
    from live`,
  params: {
    loginUserId: 'uuid',
    notifyOfDevice: 'bool',
    reason: 'text',
    ...device.params,
    ...session.params,
    ...family.params,
    ...rehashed.params,
    ...returned.params,
    ...forgiven.params,
    ...announced.params,
    ...mailed.params,
    ...audited.params,
  },
  columns: { userId: 'uuid', endedSessions: 'uuid[]', isMailQueued: 'bool' },
  after: { revokes: { kind: 'session', target: 'endedSessions' }, wakesWorkers: 'isMailQueued' },
});
