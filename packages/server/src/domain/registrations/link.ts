/** Verification links of registrations. */
import { type AuditValues, isUnrecorded, recordFragment } from '#domain/audit/index.ts';
import { type NewSignUpTicket, signUpTicketFragment } from '#domain/authentication/index.ts';
import { unverifiedHolderFragment } from '#domain/identifiers/index.ts';
import { enqueueMailFragment, type MailLedger } from '#domain/mail-ledger/index.ts';
import { deviceAssociatedData, insertTokenFragment, type OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { type PendingRegistration, sealRegistration } from './pending.ts';

const holder = unverifiedHolderFragment();
const issued = insertTokenFragment('fresh');
const mailed = enqueueMailFragment('issued');
const audited = recordFragment('fresh');

const ticketed = signUpTicketFragment('fresh');

const added = `${holder.sql}, fresh as (select user_id from holder where ${isUnrecorded}),
      ${issued.sql}, ${mailed.sql}, ${audited.sql}`;
const addedParams = { ...holder.params, ...issued.params, ...mailed.params, ...audited.params };

const addLink = statement('registrations.add_link', {
  lane: 'write',
  sql: `with ${added} select user_id from fresh`,
  params: addedParams,
  columns: { userId: 'uuid' },
  after: { wakesWorkers: true },
});

const repeat = statement('registrations.repeat', {
  lane: 'write',
  sql: `with ${added}, ${ticketed.sql} select user_id from fresh`,
  params: { ...addedParams, ...ticketed.params },
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
  /** The browser of the registration, in words. */
  readonly device: string | undefined;
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
  const { tokenId, holder, registration, device, locale, userKey, now, isAdmitted } = link;
  const admitted = isAdmitted === undefined ? {} : { isAdmitted };
  const { userId, identifierId, authEpoch } = holder;
  const sealedPayload = registration === undefined ? null : sealRegistration(keys, tokenId, registration);
  const sealedDevice = device === undefined ? undefined : userKey.seal(device, deviceAssociatedData(tokenId));
  const registrationId = registration?.registrationId;
  const params = { name: registration?.name ?? '' };
  const token = { id: tokenId, purpose: 'verify_email', userId, identifierId, authEpoch, sealedPayload, now } as const;
  return {
    ...tokens.values({ ...token, registrationId, sealedDevice }),
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
  const row = await deps.database.row(addLink, { ...expectedOf(link), ...linkValues(deps, link), ...event });
  return row !== undefined;
}

/** Adds the link of a further registration of the address, as `addVerificationLink` does, and the ticket of its sign-up. */
export async function repeatRegistration(
  deps: LinkDeps,
  queries: Queries,
  link: VerificationLink,
  ticket: NewSignUpTicket,
  event: AuditValues,
): Promise<boolean> {
  const values = { ...expectedOf(link), ...linkValues(deps, link), ...ticket.values, ...event };
  return (await queries.row(repeat, values)) !== undefined;
}

function expectedOf({ holder: { identifierId, authEpoch } }: VerificationLink) {
  return { holderIdentifierId: identifierId, holderEpoch: authEpoch };
}
