/** A registration in three steps, the same for every state of the address: read, hash, write. */

import type { AuditAction, AuditLog } from '#domain/audit/index.ts';
import {
  type NewSignUpTicket,
  newSignUpTicket,
  type SignUpOptions,
  type SignUpTicket,
} from '#domain/authentication/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { type PasswordHashes, type PasswordRules, passwordAssociatedData } from '#domain/passwords/index.ts';
import type { RegistrationHook } from '#domain/registrations/index.ts';
import { linkValues, type PendingRegistration, repeatRegistration } from '#domain/registrations/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { roundUpDuration } from '#kernel/round-up-duration.ts';
import type { Database } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import { allowsAddress, type EmailDomains } from '#protocol/email-domains/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import { createUser, findHolder, notifyOwner } from './statements.ts';

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

/** The user who holds the address, as it was read. */
interface Holder {
  readonly userId: string;
  readonly identifierId: string;
  readonly authEpoch: number;
  readonly locale: string;
  readonly isVerified: boolean;
  readonly wrapped: Buffer;
}

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
  read: Holder | undefined,
  caller: Caller,
): Promise<SignUpTicket> {
  let holder = read;
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const begun = begin(flow, registration, phc);
    const outcome = await write(flow, begun, holder, caller);
    if (outcome !== undefined) {
      flow.onRegistered(outcome);
      return begun.ticket.ticket;
    }
    holder = await readHolder(flow, registration);
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the holder of the address changed at every attempt' });
}

/** Throws `busy` before the read consumes quota when the hash queue has no free place. */
async function readBeforeHash(flow: Register, registration: Registration): Promise<Holder | undefined> {
  const place = flow.hashes.hold();
  try {
    return await readHolder(flow, registration);
  } finally {
    place.release();
  }
}

async function readHolder(flow: Register, { email, quota }: Registration): Promise<Holder | undefined> {
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

/** A registration with what is computed for every address, taken or not. */
interface BegunRegistration {
  readonly registration: Registration;
  readonly phc: string;
  /** The id of its link, and the registration's own. */
  readonly tokenId: string;
  readonly ticket: NewSignUpTicket;
  readonly now: Date;
}

function begin(flow: Register, registration: Registration, phc: string): BegunRegistration {
  const now = flow.clock.now();
  const tokenId = flow.tokens.newId();
  const ticket = newSignUpTicket(tokenId, registration.email, registration.signUp, now);
  return { registration, phc, tokenId, ticket, now };
}

async function write(
  flow: Register,
  begun: BegunRegistration,
  holder: Holder | undefined,
  caller: Caller,
): Promise<'created' | 'repeated' | 'taken' | undefined> {
  if (holder === undefined) return (await create(flow, begun, caller)) ? 'created' : undefined;
  if (!holder.isVerified) return (await repeat(flow, begun, holder, caller)) ? 'repeated' : undefined;
  return (await notify(flow, begun, holder, caller)) ? 'taken' : undefined;
}

async function create(
  flow: Register,
  { registration, phc, tokenId, ticket, now }: BegunRegistration,
  caller: Caller,
): Promise<boolean> {
  const userId = flow.makeId();
  const identifierId = flow.makeId();
  const { key, wrapped } = flow.keys.createUserKey(userId);
  const row = await flow.database.row(createUser, {
    identifierId,
    identifierUserId: userId,
    identifierAsTyped: registration.email.asTyped,
    identifierCanonical: registration.email.canonical,
    identifierVerifiedAt: null,
    identifierCreatedAt: now,
    userId,
    userName: registration.name,
    userLocale: registration.locale,
    userCreatedAt: now,
    userWrappedKey: wrapped,
    passwordSealed: flow.keys.seal('password', phc, passwordAssociatedData(userId)),
    passwordChangedAt: now,
    ...linkValues(flow, {
      tokenId,
      holder: { userId, identifierId, authEpoch: 1 },
      registration: pendingRegistration(tokenId, registration, phc, now),
      device: deviceOf(caller),
      locale: registration.locale,
      userKey: key,
      now,
    }),
    ...ticket.values,
    ...event(flow, 'user.registered', now, userId, key, caller),
  });
  return row !== undefined;
}

async function repeat(
  flow: Register,
  { registration, phc, tokenId, ticket, now }: BegunRegistration,
  holder: Holder,
  caller: Caller,
): Promise<boolean> {
  const { userId } = holder;
  const userKey = flow.keys.unwrapUserKey(userId, holder.wrapped);
  const link = {
    tokenId,
    holder,
    registration: pendingRegistration(tokenId, registration, phc, now),
    device: deviceOf(caller),
    locale: registration.locale,
    userKey,
    now,
  };
  return repeatRegistration(
    flow,
    link,
    ticket,
    event(flow, 'user.registration_repeated', now, userId, userKey, caller),
  );
}

async function notify(
  flow: Register,
  { ticket, now }: BegunRegistration,
  holder: Holder,
  caller: Caller,
): Promise<boolean> {
  const { userId, identifierId, locale } = holder;
  const key = flow.keys.unwrapUserKey(userId, holder.wrapped);
  const row = await flow.database.row(notifyOwner, {
    ownerIdentifierId: identifierId,
    ...ticket.values,
    ...flow.mail.values({
      template: 'already_registered',
      locale,
      userId,
      identifierId,
      tokenId: null,
      params: {},
      userKey: key,
      now,
    }),
    ...event(flow, 'user.registration_refused', now, userId, key, caller),
  });
  return row !== undefined;
}

/** The payload of the link. The id of the registration is the id of its first link. */
function pendingRegistration(
  tokenId: string,
  { email: { asTyped }, name, locale, signUp: { continueTo } }: Registration,
  phc: string,
  now: Date,
): PendingRegistration {
  const to = continueTo === undefined ? {} : { continueTo };
  return { registrationId: tokenId, registeredAt: now.toISOString(), asTyped, phc, name, locale, ...to };
}

/** In words of our own: a user agent is any text. */
function deviceOf({ userAgent }: Caller): string {
  return describeUserAgent(userAgent).words;
}

function event(flow: Register, action: AuditAction, at: Date, userId: string, key: UserKey, caller: Caller) {
  const personal = clientInfoOf(caller);
  return flow.audit.values({ action, at, actor: { kind: 'anonymous' }, userId, personal }, key);
}
