/** A further verification link for an unverified address. */

import { deviceAssociatedData } from '#domain/one-time-tokens/index.ts';
import { addVerificationLink, openRegistration, type PendingRegistration } from '#domain/registrations/index.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { statement, type Values } from '#platform/database/index.ts';
import type { Job } from '#platform/jobs/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import type { MailRequestDeps } from './deps.ts';
import type { VerificationRequest } from './payload.ts';

/** Bounded: two different registrations are enough to know that there are several. */
const findUnverified = statement('mail_requests.find_unverified', {
  lane: 'pool',
  sql: `select u.id as user_id, u.auth_epoch, u.locale, i.id as identifier_id, i.verified_at, u.status, k.wrapped,
      array(select t.id from one_time_tokens t
        where t.user_id = u.id and t.purpose = 'verify_email' and t.sealed_payload is not null
          and t.outcome is distinct from 'disowned' order by t.id desc limit 50) as token_ids,
      array(select t.sealed_payload from one_time_tokens t
        where t.user_id = u.id and t.purpose = 'verify_email' and t.sealed_payload is not null
          and t.outcome is distinct from 'disowned' order by t.id desc limit 50) as payloads,
      (select t.sealed_device from one_time_tokens t
        where t.user_id = u.id and t.purpose = 'verify_email' and t.sealed_payload is not null
          and t.outcome is distinct from 'disowned' order by t.id desc limit 1) as sealed_device
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
    sealedDevice: 'bytea?',
  },
});

type Holder = Values<typeof findUnverified.columns>;

/**
 * Enqueues a further link if the address is unverified; otherwise only records the request.
 * The new link carries the registration of the earlier links. When there were several registrations, nothing shows
 * which of them the owner of the mailbox made: the link carries none, and its user chooses a password.
 */
export async function enqueueVerificationMail(
  deps: MailRequestDeps,
  { canonical, requester }: VerificationRequest,
  { id, createdAt: now }: Job,
): Promise<void> {
  const found = await deps.database.row(findUnverified, { canonical });
  const personal = clientInfoOf(requester);
  const event = { action: 'email.verification_requested', at: now, actor: { kind: 'anonymous' }, personal } as const;
  if (found === undefined) {
    await deps.audit.recordOnce(deps.database, id, event);
    return;
  }
  const { userId, locale } = found;
  const userKey = deps.keys.unwrapUserKey(userId, found.wrapped);
  if (found.verifiedAt !== null || found.status === 'disabled') {
    await deps.audit.recordOnce(deps.database, id, { ...event, userId }, userKey);
    return;
  }
  const kind = 'verify_email';
  if (!(await deps.limits.takeMail({ kind, recipient: canonical, fromKnownDevice: false }))) {
    await deps.audit.recordOnce(deps.database, id, { ...event, userId }, userKey);
    return;
  }
  const registration = onlyRegistration(deps.keys, found);
  const link = {
    isAdmitted: true,
    tokenId: id,
    holder: found,
    registration,
    device: registration && deviceOf(found, userKey),
    locale,
    userKey,
    now,
  } as const;
  await addVerificationLink(deps, link, deps.audit.values({ ...event, userId }, userKey, id));
}

/** The registration that all links of the address carry; undefined when they carry several, or none. */
function onlyRegistration(keys: Keys, found: Holder): PendingRegistration | undefined {
  const registrations = found.payloads.map((payload, index) =>
    openRegistration(keys, found.tokenIds[index] ?? '', payload),
  );
  const ids = new Set(registrations.map((registration) => registration.registrationId));
  return ids.size === 1 ? registrations[0] : undefined;
}

/** The browser of the only registration; undefined when the link is of the previous release. */
function deviceOf({ tokenIds: [newest], sealedDevice }: Holder, userKey: UserKey): string | undefined {
  if (newest === undefined || sealedDevice === null) return undefined;
  return userKey.open(sealedDevice, deviceAssociatedData(newest)).toString('utf8');
}
