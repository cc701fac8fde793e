/** A link or a code for the user of an address. */

import { isUnrecorded, recordFragment } from '#domain/audit/index.ts';
import { enqueueMailFragment } from '#domain/mail-ledger/index.ts';
import { insertTokenFragment, sealReturnAddress, tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { isActive } from '#domain/users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { statement, type Values } from '#platform/database/index.ts';
import type { Job } from '#platform/jobs/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import type { MailRequestDeps } from './deps.ts';
import type { LoginOrResetRequest } from './payload.ts';

// An account whose grace period has ended counts as erased, although the job that erases it runs hourly.
const find = statement('mail_requests.find', {
  lane: 'pool',
  sql: `select u.id as user_id, u.auth_epoch, u.locale, u.name, i.id as identifier_id, i.verified_at, k.wrapped,
      ${isActive('u')} and (u.deletes_at is null or u.deletes_at > :now) as may_log_in,
      exists (select from devices d where d.id = :deviceId::uuid and d.user_id = u.id and d.auth_epoch = u.auth_epoch
        and d.expires_at > :now) as is_known_device
    from identifiers i join users u on u.id = i.user_id join user_keys k on k.user_id = u.id
    where i.kind = 'email' and i.canonical = :canonical and i.is_primary`,
  params: { canonical: 'text', now: 'timestamptz', deviceId: 'uuid?' },
  columns: {
    userId: 'uuid',
    authEpoch: 'int4',
    locale: 'text',
    name: 'text',
    identifierId: 'uuid',
    verifiedAt: 'timestamptz?',
    wrapped: 'bytea',
    mayLogIn: 'bool',
    isKnownDevice: 'bool',
  },
});

type Holder = Values<typeof find.columns>;

const issued = insertTokenFragment('holder');
const mailed = enqueueMailFragment('issued');
const audited = recordFragment('holder');

// Idempotent: a retry after a crash finds the event that it already recorded, and writes nothing.
const addLink = statement('mail_requests.add_link', {
  lane: 'pool',
  sql: `with holder as (
      select u.id as user_id from users u join identifiers i on i.user_id = u.id
      where i.id = :holderIdentifierId and i.is_primary and u.auth_epoch = :holderEpoch and ${isActive('u')}
        and ${isUnrecorded}),
    ${issued.sql}, ${mailed.sql}, ${audited.sql} select user_id from holder`,
  params: { holderIdentifierId: 'uuid', holderEpoch: 'int4', ...issued.params, ...mailed.params, ...audited.params },
  columns: { userId: 'uuid' },
  after: { wakesWorkers: true },
});

/** Enqueues the mail if the address has an active user with quota; otherwise only records the request. */
export async function enqueueLoginOrResetMail(
  deps: MailRequestDeps,
  request: LoginOrResetRequest,
  job: Job,
): Promise<void> {
  const { canonical, action, requester } = request;
  const found = await deps.database.row(find, {
    canonical,
    now: deps.clock.now(),
    deviceId: request.deviceId ?? null,
  });
  const personal = clientInfoOf(requester);
  const event = { action, at: job.createdAt, actor: { kind: 'anonymous' }, personal } as const;
  const { audit, database } = deps;
  if (found === undefined) {
    await audit.recordOnce(database, job.id, event);
    return;
  }
  const userKey = deps.keys.unwrapUserKey(found.userId, found.wrapped);
  const own = { ...event, userId: found.userId };
  // Before the token: an unsent code must not replace one that was sent.
  const isSent = mayReceive(found, request) && (await takeQuota(deps, request, found));
  if (!isSent) {
    await audit.recordOnce(database, job.id, own, userKey);
    return;
  }
  // No row: the user changed since the read; the client can request another mail.
  await database.row(addLink, {
    holderIdentifierId: found.identifierId,
    holderEpoch: found.authEpoch,
    ...linkValues(deps, request, job, found, userKey),
    ...audit.values(own, userKey, job.id),
  });
}

function takeQuota({ limits }: MailRequestDeps, { purpose, canonical }: LoginOrResetRequest, found: Holder) {
  return limits.takeMail({ kind: purpose, recipient: canonical, fromKnownDevice: found.isKnownDevice });
}

function mayReceive({ mayLogIn, verifiedAt }: Holder, { toUnverified }: LoginOrResetRequest): boolean {
  return mayLogIn && (toUnverified || verifiedAt !== null);
}

/** The token has the job's id. Its lifetime begins with the request, as the response stated. */
function linkValues(
  { tokens, mail }: MailRequestDeps,
  request: LoginOrResetRequest,
  job: Job,
  found: Holder,
  userKey: UserKey,
) {
  const { userId, identifierId, authEpoch, locale } = found;
  const { purpose, browserHash, continueTo, lifetimeSeconds = tokenLifetimeSeconds[purpose] } = request;
  const { id: tokenId, createdAt: now } = job;
  // The name of an unverified user may be a stranger's.
  const params = { name: found.verifiedAt === null ? '' : found.name };
  const token = {
    id: tokenId,
    purpose,
    userId,
    identifierId,
    authEpoch,
    sealedPayload: continueTo === undefined ? null : sealReturnAddress(userKey, tokenId, continueTo),
    ...(browserHash === undefined ? {} : { browserHash }),
    expiresAt: addSeconds(now, lifetimeSeconds),
  };
  return {
    ...tokens.values({ ...token, now }),
    ...mail.values({
      template: purpose,
      locale,
      userId,
      identifierId,
      tokenId,
      params,
      userKey,
      now,
      isAdmitted: true,
    }),
  };
}
