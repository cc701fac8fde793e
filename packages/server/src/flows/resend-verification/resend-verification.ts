/** Sending a link again. */
import type { AuditLog } from '#domain/audit/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { addVerificationLink, type CarriedRegistration, openRegistration } from '#domain/registrations/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { inWholeSteps } from '#kernel/whole-steps.ts';
import { type Database, statement, type Values } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys } from '#platform/keys/index.ts';

/** What sending again needs. */
export interface ResendVerification {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  /** Called when a mail was promised, to wake this process's own worker. */
  readonly onPromised: () => void;
}

/** Further than this nobody needs to look: two different registrations are enough to know that there are several. */
const find = statement('resend.find', {
  lane: 'read',
  sql: `select u.id as user_id, u.auth_epoch, u.locale, i.id as identifier_id, i.verified_at, u.status, k.wrapped,
      array(select t.id from one_time_tokens t
        where t.user_id = u.id and t.purpose = 'verify_email' and t.sealed_payload is not null
          and t.outcome is distinct from 'disowned' order by t.id desc limit 50) as token_ids,
      array(select t.sealed_payload from one_time_tokens t
        where t.user_id = u.id and t.purpose = 'verify_email' and t.sealed_payload is not null
          and t.outcome is distinct from 'disowned' order by t.id desc limit 50) as payloads
    from identifiers i join users u on u.id = i.user_id join user_keys k on k.user_id = u.id
    where i.kind = 'email' and i.canonical = :canonical`,
  params: { canonical: 'text' },
  columns: {
    userId: 'uuid',
    authEpoch: 'int4',
    locale: 'text',
    identifierId: 'uuid',
    verifiedAt: 'timestamptz?',
    status: 'text',
    wrapped: 'bytea',
    tokenIds: 'uuid[]',
    payloads: 'bytea[]',
  },
});

type Holder = Values<typeof find.columns>;

/** Promises a further link if the address waits for one; otherwise only records that it was asked for. */
export function resendVerification(flow: ResendVerification, canonical: string, caller: Caller): Promise<void> {
  // A link has rows and a mail that an address without one does not have, and so has its time.
  return inWholeSteps(() => promiseAgain(flow, canonical, caller));
}

async function promiseAgain(flow: ResendVerification, canonical: string, caller: Caller): Promise<void> {
  const found = await flow.database.row(find, { canonical });
  const now = flow.clock.now();
  const personal = { address: caller.address, userAgent: caller.userAgent ?? '' };
  const event = { action: 'email.verification_requested', at: now, actor: { kind: 'stranger' }, personal } as const;
  if (found === undefined) return flow.audit.record(flow.database, event);
  const key = flow.keys.unwrapUserKey(found.userId, found.wrapped);
  if (found.verifiedAt !== null || found.status === 'disabled') {
    return flow.audit.record(flow.database, { ...event, userId: found.userId }, key);
  }
  const link = {
    tokenId: flow.tokens.newId(),
    holder: found,
    registration: onlyRegistration(flow.keys, found),
    locale: found.locale,
    userKey: key,
    now,
  };
  const added = await addVerificationLink(flow, link, flow.audit.values({ ...event, userId: found.userId }, key));
  if (added) flow.onPromised();
}

/** The registration that all links of the address carry, or undefined when they carry several, or none. */
function onlyRegistration(keys: Keys, found: Holder): CarriedRegistration | undefined {
  const carried = found.payloads.map((payload, index) => openRegistration(keys, found.tokenIds[index] ?? '', payload));
  const ids = new Set(carried.map((registration) => registration.registrationId));
  return ids.size === 1 ? carried[0] : undefined;
}
