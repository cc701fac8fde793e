/** A registration in three steps, the same for every state of the address: read, hash, write. */

import type { AuditLog } from '#domain/audit/index.ts';
import type { SignUpOptions, SignUpTicket } from '#domain/authentication/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import type { PasswordHashes, PasswordRules } from '#domain/passwords/index.ts';
import { type AddressHolder, type RegistrationHook, writeRegistration } from '#domain/registrations/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { Problem } from '#kernel/problem.ts';
import { roundUpDuration } from '#kernel/round-up-duration.ts';
import type { Database } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import { allowsAddress, type EmailDomains } from '#protocol/email-domains/index.ts';
import { findHolder } from './statements.ts';

export interface Register {
  readonly mode: 'open' | 'invite' | 'closed';
  /** The operator's lists of allowed and denied domains. */
  readonly emailDomains: EmailDomains;
  /** Undefined when no hook is configured. */
  readonly registrationHook: RegistrationHook | undefined;
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  /** Called after each registration; feeds a metric. */
  readonly onRegistered: (outcome: 'created' | 'repeated' | 'taken') => void;
}

export interface Registration {
  readonly email: { readonly asTyped: string; readonly canonical: string };
  readonly password: string;
  readonly name: string;
  readonly locale: string;
  /** Languages for the message of a rejected password, by preference. */
  readonly languages: readonly (string | undefined)[];
  readonly quota: QuotaReservation;
  /** How the sign-up goes on once its address is confirmed. */
  readonly signUp: SignUpOptions;
}

/** Bounds the retries when the holder of the address changes between the read and the write. */
const maxAttempts = 3;

/**
 * Creates a user, adds a link to an unverified registration, or notifies the owner of a verified address. Returns the ticket
 * of the sign-up, which the caller gets for every address.
 *
 * @throws `registration_closed`, `email_domain_not_allowed`, `registration_refused`, `busy`, and as `PasswordRules`.
 */
export async function register(flow: Register, registration: Registration, caller: Caller): Promise<SignUpTicket> {
  if (flow.mode !== 'open') throw new Problem('registration_closed');
  // Depends on the address alone, so that the refusal reveals nothing about users.
  if (!allowsAddress(flow.emailDomains, registration.email.canonical)) throw new Problem('email_domain_not_allowed');
  const holder = await readBeforeHash(flow, registration);
  registration.quota.require();
  const password = await acceptPassword(flow, registration);
  await callHook(flow, registration, caller);
  const phc = await flow.hashes.compute(password);
  // The three writes take different times, which would reveal the state of the address (invariant 13).
  return roundUpDuration(() => writeFor(flow, registration, phc, holder, caller));
}

/** Reads again and retries when the holder of the address changed since it was read. */
async function writeFor(
  flow: Register,
  registration: Registration,
  phc: string,
  read: AddressHolder | undefined,
  caller: Caller,
): Promise<SignUpTicket> {
  const { email, name, locale, signUp } = registration;
  const begun = { email, name, locale, signUp, carried: { by: 'password', phc } } as const;
  let holder = read;
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const written = await writeRegistration(flow, flow.database, begun, holder, caller);
    if (written !== undefined) {
      flow.onRegistered(written.outcome);
      return written.ticket;
    }
    holder = await readHolder(flow, registration);
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the holder of the address changed at every attempt' });
}

/** Throws `busy` before the read consumes quota when the hash queue has no free place. */
async function readBeforeHash(flow: Register, registration: Registration): Promise<AddressHolder | undefined> {
  const place = flow.hashes.hold();
  try {
    return await readHolder(flow, registration);
  } finally {
    place.release();
  }
}

async function readHolder(flow: Register, { email, quota }: Registration): Promise<AddressHolder | undefined> {
  const row = await flow.database.row(findHolder, { canonical: email.canonical, ...quota.sqlParams() });
  assert(row !== undefined, 'a counting statement always returns a row');
  await quota.recordResult(row);
  const { userId, identifierId, authEpoch, locale, wrapped } = row;
  if (userId === null) return undefined;
  assert(identifierId !== null && authEpoch !== null && locale !== null && wrapped !== null, 'a user has these');
  return { userId, identifierId, authEpoch, locale, wrapped, isVerified: row.verifiedAt !== null };
}

/** Depends on the request alone, never on the holder of the address (invariant 13). */
function acceptPassword({ passwordRules }: Register, { email, name, password, languages }: Registration) {
  return passwordRules.accept({ password, field: '/password', about: [email.canonical, name], languages });
}

/** Runs at the same point and with the same values for every state of the address (invariant 13). */
async function callHook({ registrationHook }: Register, registration: Registration, caller: Caller): Promise<void> {
  const { email, name, locale } = registration;
  await registrationHook?.admit({ via: 'register', email: email.canonical, name, locale }, caller);
}
