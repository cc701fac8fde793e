/** Verification links of registrations. */
import { type AuditValues, isUnrecorded, recordFragment } from '#domain/audit/index.ts';
import { unverifiedHolderFragment } from '#domain/identifiers/index.ts';
import { enqueueMailFragment, type MailLedger } from '#domain/mail-ledger/index.ts';
import { insertTokenFragment, type OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { type PendingRegistration, sealRegistration } from './pending.ts';

const holder = unverifiedHolderFragment();
const issued = insertTokenFragment('fresh');
const mailed = enqueueMailFragment('issued');
const audited = recordFragment('fresh');

const addLink = statement('registrations.add_link', {
  lane: 'write',
  sql: `with ${holder.sql}, fresh as (select user_id from holder where ${isUnrecorded}),
      ${issued.sql}, ${mailed.sql}, ${audited.sql}
    select user_id from fresh`,
  params: { ...holder.params, ...issued.params, ...mailed.params, ...audited.params },
  columns: { userId: 'uuid' },
  after: { wakesWorkers: true },
});

/** The user of the address, as read before. */
export interface LinkHolder {
  readonly userId: string;
  readonly identifierId: string;
  readonly authEpoch: number;
}

export interface VerificationLink {
  readonly tokenId: string;
  readonly holder: LinkHolder;
  /** Undefined for a link whose user must choose a password. */
  readonly registration: PendingRegistration | undefined;
  readonly locale: string;
  readonly userKey: UserKey;
  readonly now: Date;
  /** Whether the quotas of its recipient were already taken. */
  readonly isAdmitted?: true;
}

interface LinkDeps {
  readonly keys: Keys;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
}

/** Returns the values of `insertTokenFragment` and `enqueueMailFragment` for a link. */
export function linkValues({ keys, tokens, mail }: LinkDeps, link: VerificationLink) {
  const { tokenId, holder, registration, locale, userKey, now, isAdmitted } = link;
  const admitted = isAdmitted === undefined ? {} : { isAdmitted };
  const { userId, identifierId, authEpoch } = holder;
  const sealedPayload = registration === undefined ? null : sealRegistration(keys, tokenId, registration);
  const params = { name: registration?.name ?? '' };
  return {
    ...tokens.values({ id: tokenId, purpose: 'verify_email', userId, identifierId, authEpoch, sealedPayload, now }),
    ...mail.values({
      template: 'verify_email',
      locale,
      userId,
      identifierId,
      tokenId,
      params,
      userKey,
      now,
      ...admitted,
    }),
  };
}

/**
 * Adds a link with its mail and audit event in one statement. Returns false, and inserts nothing, when the address was
 * verified or the user's epoch has changed since `link.holder` was read, or when a retry finds its audit event.
 */
export async function addVerificationLink(
  deps: LinkDeps & { readonly database: Database },
  link: VerificationLink,
  event: AuditValues,
): Promise<boolean> {
  const { identifierId, authEpoch } = link.holder;
  const expected = { holderIdentifierId: identifierId, holderEpoch: authEpoch };
  const row = await deps.database.row(addLink, { ...expected, ...linkValues(deps, link), ...event });
  return row !== undefined;
}
