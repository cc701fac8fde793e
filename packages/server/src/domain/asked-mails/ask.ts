/** Asking: read, hash, write; the same three steps whoever has the address. */
import { type AuditAction, type AuditLog, recordFragment } from '#domain/audit/index.ts';
import { type MailLedger, promiseMailFragment } from '#domain/mail-ledger/index.ts';
import { insertTokenFragment, type OneTimeTokens, tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import type { PasswordHashes } from '#domain/passwords/index.ts';
import { isLive } from '#domain/users/index.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { type Database, statement, type Values } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

/** What asking needs. */
export interface AskMail {
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

/** What is asked for. */
export interface AskedMail {
  readonly canonical: string;
  /** What the link or code is for, and the mail that brings it. */
  readonly purpose: 'reset_password' | 'magic_link' | 'email_code';
  readonly action: AuditAction;
  /** Whether an address that nobody has proven gets it too. */
  readonly toUnverified: boolean;
  /** SHA-256 of the secret of the browser that asks, for what only this browser may use. */
  readonly browserHash?: Buffer;
  /** Instead of the purpose's own. */
  readonly lifetimeSeconds?: number;
  readonly caller: Caller;
}

// An account whose grace is over is as good as erased, though the job that erases it comes by the hour.
const find = statement('asked_mails.find', {
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

const addLink = statement('asked_mails.add_link', {
  lane: 'write',
  sql: `with holder as (
      select u.id as user_id from users u join identifiers i on i.user_id = u.id
      where i.id = :holderIdentifierId and i.is_primary and u.auth_epoch = :holderEpoch and ${isLive('u')}),
    ${issued.sql}, ${mailed.sql}, ${audited.sql} select user_id from holder`,
  params: { holderIdentifierId: 'uuid', holderEpoch: 'int4', ...issued.params, ...mailed.params, ...audited.params },
  columns: { userId: 'uuid' },
});

/** Promises the mail to the address if it has an account that lives; otherwise only records that it was asked for. */
export async function askMail(deps: AskMail, asked: AskedMail): Promise<void> {
  const { canonical, action, caller } = asked;
  const found = await deps.database.row(find, { canonical, now: deps.clock.now() });
  // The time of a hash hides what else happens here, as it does at registration.
  await deps.hashes.matches(canonical, undefined);
  const now = deps.clock.now();
  const personal = { address: caller.address, userAgent: caller.userAgent ?? '' };
  const event = { action, at: now, actor: { kind: 'stranger' }, personal } as const;
  if (found === undefined) return deps.audit.record(deps.database, event);
  const userKey = deps.keys.unwrapUserKey(found.userId, found.wrapped);
  const own = { ...event, userId: found.userId };
  if (!mayHave(found, asked)) return deps.audit.record(deps.database, own, userKey);
  // No row: the user changed since they were read, and whoever asked asks again.
  const row = await deps.database.row(addLink, {
    holderIdentifierId: found.identifierId,
    holderEpoch: found.authEpoch,
    ...linkValues(deps, asked, found, userKey, now),
    ...deps.audit.values(own, userKey),
  });
  if (row !== undefined) deps.onPromised();
}

function mayHave({ live, verifiedAt }: Holder, { toUnverified }: AskedMail): boolean {
  return live && (toUnverified || verifiedAt !== null);
}

function linkValues({ tokens, mail }: AskMail, asked: AskedMail, found: Holder, userKey: UserKey, now: Date) {
  const { userId, identifierId, authEpoch, locale } = found;
  const { purpose, browserHash, lifetimeSeconds = tokenLifetimeSeconds[purpose] } = asked;
  const tokenId = tokens.newId();
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
