import { verifyIdentifier } from '#domain/identifiers/index.ts';
import { eraseVerificationMails } from '#domain/mail-ledger/index.ts';
import { erasePayloads } from '#domain/one-time-tokens/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Queries } from '#platform/database/index.ts';
import type { PendingRegistration } from './pending.ts';

export interface ProvenMailbox {
  readonly userId: string;
  readonly identifierId: string;
  /** The registration whose link was used; undefined when nothing shows which registration the owner made. */
  readonly registration: PendingRegistration | undefined;
  /** The language of the owner's browser, used without a registration. */
  readonly locale: string;
  readonly now: Date;
}

/**
 * Verifies an address and erases what every other registration of it left (invariant 18): name, locale and spelling, and the
 * texts in links and mails. The caller sets the password. Returns false, and changes nothing, when the address was verified
 * before.
 */
export async function proveRegistration(
  tx: Queries,
  users: Users,
  { userId, identifierId, registration, locale, now }: ProvenMailbox,
): Promise<boolean> {
  if (!(await verifyIdentifier(tx, { id: identifierId, asTyped: registration?.asTyped, now }))) return false;
  await users.rename(tx, userId, registration?.name ?? '', registration?.locale ?? locale);
  await erasePayloads(tx, userId, 'verify_email');
  await eraseVerificationMails(tx, userId, now);
  return true;
}
