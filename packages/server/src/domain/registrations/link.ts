/** The link that proves an address: what its rows hold, and a further one in one statement with its mail and event. */
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
});

/** Whose address it is, as it was read. */
export interface LinkHolder {
  readonly userId: string;
  readonly identifierId: string;
  readonly authEpoch: number;
}

/** What a link and its mail are made of. */
export interface VerificationLink {
  readonly tokenId: string;
  readonly holder: LinkHolder;
  /** Undefined for a link whose user has to choose a password. */
  readonly registration: PendingRegistration | undefined;
  readonly locale: string;
  readonly userKey: UserKey;
  readonly now: Date;
}

/** What making links needs. */
interface Makers {
  readonly keys: Keys;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
}

/** The values of `insertTokenFragment` and `enqueueMailFragment` for a link. */
export function linkValues({ keys, tokens, mail }: Makers, link: VerificationLink) {
  const { tokenId, holder: of, registration, locale, userKey, now } = link;
  const { userId, identifierId, authEpoch } = of;
  const sealedPayload = registration === undefined ? null : sealRegistration(keys, tokenId, registration);
  const params = { name: registration?.name ?? '' };
  return {
    ...tokens.values({ id: tokenId, purpose: 'verify_email', userId, identifierId, authEpoch, sealedPayload, now }),
    ...mail.values({ template: 'verify_email', locale, userId, identifierId, tokenId, params, userKey, now }),
  };
}

/**
 * Adds a link with the event that says so; false when the address was proven, or changed hands, since it was read, and
 * when the event is there already.
 */
export async function addVerificationLink(
  deps: Makers & { readonly database: Database },
  link: VerificationLink,
  event: AuditValues,
): Promise<boolean> {
  const { identifierId, authEpoch } = link.holder;
  const whose = { holderIdentifierId: identifierId, holderEpoch: authEpoch };
  const row = await deps.database.row(addLink, { ...whose, ...linkValues(deps, link), ...event });
  return row !== undefined;
}
