/** A link or a code for whoever has an account: read who has the address, write. */

import { isUnrecorded, recordFragment } from '#domain/audit/index.ts';
import { enqueueMailFragment } from '#domain/mail-ledger/index.ts';
import { insertTokenFragment, tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { isActive } from '#domain/users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { statement, type Values } from '#platform/database/index.ts';
import type { Job } from '#platform/jobs/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import type { MailRequestDeps } from './deps.ts';
import type { LoginOrResetRequest } from './payload.ts';

// An account whose grace is over is as good as erased, though the job that erases it comes by the hour.
const find = statement('mail_requests.find', {
  lane: 'pool',
  sql: `select u.id as user_id, u.auth_epoch, u.locale, u.name, i.id as identifier_id, i.verified_at, k.wrapped,
      ${isActive('u')} and (u.deletes_at is null or u.deletes_at > :now) as live
    from identifiers i join users u on u.id = i.user_id join user_keys k on k.user_id = u.id
    where i.kind = 'email' and i.canonical = :canonical and i.is_primary`,
  params: { canonical: 'text', now: 'timestamptz' },
  columns: {
    userId: 'uuid',
    authEpoch: 'int4',
    locale: 'text',
    name: 'text',
    identifierId: 'uuid',
    verifiedAt: 'timestamptz?',
    wrapped: 'bytea',
    live: 'bool',
  },
});

type Holder = Values<typeof find.columns>;

const issued = insertTokenFragment('holder');
const mailed = enqueueMailFragment('issued');
const audited = recordFragment('holder');

// A job that is done a second time, because its first worker died before it could say so, finds its own event.
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

/** Promises the mail to the address if it has an account that lives; otherwise only records that it was asked for. */
export async function enqueueLoginOrResetMail(
  deps: MailRequestDeps,
  asked: LoginOrResetRequest,
  job: Job,
): Promise<void> {
  const { canonical, action, caller } = asked;
  const found = await deps.database.row(find, { canonical, now: deps.clock.now() });
  const personal = clientInfoOf(caller);
  const event = { action, at: job.createdAt, actor: { kind: 'stranger' }, personal } as const;
  const { audit, database } = deps;
  if (found === undefined) {
    await audit.recordOnce(database, job.id, event);
    return;
  }
  const userKey = deps.keys.unwrapUserKey(found.userId, found.wrapped);
  const own = { ...event, userId: found.userId };
  if (!mayHave(found, asked)) {
    await audit.recordOnce(database, job.id, own, userKey);
    return;
  }
  // No row: the user changed since they were read, and whoever asked asks again.
  await database.row(addLink, {
    holderIdentifierId: found.identifierId,
    holderEpoch: found.authEpoch,
    ...linkValues(deps, asked, job, found, userKey),
    ...audit.values(own, userKey, job.id),
  });
}

function mayHave({ live, verifiedAt }: Holder, { toUnverified }: LoginOrResetRequest): boolean {
  return live && (toUnverified || verifiedAt !== null);
}

/** The token bears the job's id; both have the time at which it was asked for, which the asker was told it counts from. */
function linkValues(
  { tokens, mail }: MailRequestDeps,
  asked: LoginOrResetRequest,
  job: Job,
  found: Holder,
  userKey: UserKey,
) {
  const { userId, identifierId, authEpoch, locale } = found;
  const { purpose, browserHash, lifetimeSeconds = tokenLifetimeSeconds[purpose] } = asked;
  const { id: tokenId, createdAt: now } = job;
  // An unverified user's name may be a stranger's.
  const params = { name: found.verifiedAt === null ? '' : found.name };
  const token = {
    id: tokenId,
    purpose,
    userId,
    identifierId,
    authEpoch,
    sealedPayload: null,
    ...(browserHash === undefined ? {} : { browserHash }),
    expiresAt: addSeconds(now, lifetimeSeconds),
  };
  return {
    ...tokens.values({ ...token, now }),
    ...mail.values({ template: purpose, locale, userId, identifierId, tokenId, params, userKey, now }),
  };
}
