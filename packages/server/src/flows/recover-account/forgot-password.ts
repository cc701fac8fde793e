/** Asking for a link: read, hash, write; the same three steps whoever has the address. */
import { type AuditLog, recordFragment } from '#domain/audit/index.ts';
import { type MailLedger, promiseMailFragment } from '#domain/mail-ledger/index.ts';
import { insertTokenFragment, type OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import type { PasswordHashes } from '#domain/passwords/index.ts';
import { isLive } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { type Database, statement, type Values } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

/** What asking needs. */
export interface ForgotPassword {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  /** Called when a mail was promised, to wake this process's own worker. */
  readonly onPromised: () => void;
}

// An account whose grace is over is as good as erased, though the job that erases it comes by the hour.
const find = statement('recover_account.find', {
  lane: 'read',
  sql: `select u.id as user_id, u.auth_epoch, u.locale, u.name, i.id as identifier_id, i.verified_at, k.wrapped,
      ${isLive('u')} and (u.closes_at is null or u.closes_at > :now) as live
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
const mailed = promiseMailFragment('issued');
const audited = recordFragment('holder');

const addLink = statement('recover_account.add_link', {
  lane: 'write',
  sql: `with holder as (
      select u.id as user_id from users u join identifiers i on i.user_id = u.id
      where i.id = :holderIdentifierId and i.is_primary and u.auth_epoch = :holderEpoch and ${isLive('u')}),
    ${issued.sql}, ${mailed.sql}, ${audited.sql} select user_id from holder`,
  params: { holderIdentifierId: 'uuid', holderEpoch: 'int4', ...issued.params, ...mailed.params, ...audited.params },
  columns: { userId: 'uuid' },
});

/** Promises a link to the address if it has an account that lives; otherwise only records that it was asked for. */
export async function forgotPassword(flow: ForgotPassword, canonical: string, caller: Caller): Promise<void> {
  const found = await flow.database.row(find, { canonical, now: flow.clock.now() });
  // The time of a hash hides what else happens here, as it does at registration.
  await flow.hashes.matches(canonical, undefined);
  const now = flow.clock.now();
  const personal = { address: caller.address, userAgent: caller.userAgent ?? '' };
  const event = { action: 'password.reset_requested', at: now, actor: { kind: 'stranger' }, personal } as const;
  if (found === undefined) return flow.audit.record(flow.database, event);
  const userKey = flow.keys.unwrapUserKey(found.userId, found.wrapped);
  const own = { ...event, userId: found.userId };
  if (!found.live) return flow.audit.record(flow.database, own, userKey);
  // No row: the user changed since they were read, and whoever asked asks again.
  const row = await flow.database.row(addLink, {
    holderIdentifierId: found.identifierId,
    holderEpoch: found.authEpoch,
    ...linkValues(flow, found, userKey, now),
    ...flow.audit.values(own, userKey),
  });
  if (row !== undefined) flow.onPromised();
}

function linkValues({ tokens, mail }: ForgotPassword, found: Holder, userKey: UserKey, now: Date) {
  const { userId, identifierId, authEpoch, locale } = found;
  const tokenId = tokens.newId();
  // An unverified user's name may be a stranger's.
  const params = { name: found.verifiedAt === null ? '' : found.name };
  const token = {
    id: tokenId,
    purpose: 'reset_password',
    userId,
    identifierId,
    authEpoch,
    sealedPayload: null,
  } as const;
  return {
    ...tokens.values({ ...token, now }),
    ...mail.values({ template: 'reset_password', locale, userId, identifierId, tokenId, params, userKey, now }),
  };
}
