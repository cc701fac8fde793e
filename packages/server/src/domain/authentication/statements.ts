/** The one statement that completes a login, for every login method. */
import { resetFailedAttemptsFragment } from '#domain/attempts/index.ts';
import { recordFragment } from '#domain/audit/index.ts';
import { useDeviceFragment } from '#domain/devices/index.ts';
import { enqueueMailFragment } from '#domain/mail-ledger/index.ts';
import { rehashPasswordFragment } from '#domain/passwords/index.ts';
import { insertFamilyFragment } from '#domain/refresh-tokens/index.ts';
import { insertSessionFragment } from '#domain/sessions/index.ts';
import { isActive } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';
import { afterRefund, refundFragment } from '#platform/rate-limit/index.ts';

const device = useDeviceFragment('login_user');
const session = insertSessionFragment('login_user');
const family = insertFamilyFragment('created_session');
const rehashed = rehashPasswordFragment('login_user');
const refunded = refundFragment('login_user');
const reset = resetFailedAttemptsFragment('refunded_user');
const mailed = enqueueMailFragment('notified');
const audited = recordFragment('login_user');

/**
 * Everything that a completed login writes. Returns no row when the user has changed since they were read.
 * It locks the user's row first, as every effect does. The foreign keys lock it anyway, but last, while this statement
 * holds rows that an effect on the user waits for: a deadlock. The counters follow in the order of their reservation.
 */
export const completeStatement = statement('login.complete', {
  lane: 'write',
  sql: `with login_user as (
      select u.id as user_id from users u
      where u.id = :loginUserId and u.auth_epoch = :sessionEpoch and ${isActive('u')}
      for key share),
    ${device.sql},
    ${session.sql},
    ${family.sql},
    ${rehashed.sql},
    ${refunded.sql},
    refunded_user as (select user_id from login_user where ${afterRefund}),
    ${reset.sql},
    notified as (select user_id from login_user where :notifyOfDevice::boolean),
    ${mailed.sql},
    ${audited.sql}
    select user_id, exists (select from mailed) as is_mail_queued,
      (select count(*) from sessions where user_id = :loginUserId and ended_at is null) as earlier_sessions
    from login_user`,
  params: {
    loginUserId: 'uuid',
    notifyOfDevice: 'bool',
    ...device.params,
    ...session.params,
    ...family.params,
    ...rehashed.params,
    ...refunded.params,
    ...reset.params,
    ...mailed.params,
    ...audited.params,
  },
  columns: { userId: 'uuid', isMailQueued: 'bool', earlierSessions: 'int8' },
  after: { wakesWorkers: 'isMailQueued' },
});
