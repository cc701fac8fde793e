/** A registration: read, hash, write; the same three steps whoever has the address. */

import type { AuditAction, AuditLog } from '#domain/audit/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { type PasswordHashes, type PasswordRules, passwordAssociatedData } from '#domain/passwords/index.ts';
import type { RegistrationHook } from '#domain/registrations/index.ts';
import { addVerificationLink, linkValues, type PendingRegistration } from '#domain/registrations/index.ts';
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
import { createUser, findHolder, notifyOwner } from './statements.ts';

/** What registering needs. */
export interface Register {
  readonly mode: 'open' | 'invite' | 'closed';
  /** Whose addresses may register here. */
  readonly emailDomains: EmailDomains;
  /** The operator's own say, where there is one. */
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
  /** Called after each registration, for the counter and to wake this process's own worker. */
  readonly onRegistered: (outcome: 'created' | 'repeated' | 'taken') => void;
}

/** What a person sends. */
export interface Registration {
  readonly email: { readonly asTyped: string; readonly canonical: string };
  readonly password: string;
  readonly name: string;
  readonly locale: string;
  /** What a refusal may be written in, the most wanted first. */
  readonly languages: readonly (string | undefined)[];
  readonly use: QuotaReservation;
}

/** The address changed hands between reading and writing at most this often; then the caller may try again. */
const maxTries = 3;

/** Who has the address, as it was read. */
interface Holder {
  readonly userId: string;
  readonly identifierId: string;
  readonly authEpoch: number;
  readonly locale: string;
  readonly isVerified: boolean;
  readonly wrapped: Buffer;
}

/** Registers a person, or sends the further link or the notice that the case asks for. */
export async function register(flow: Register, registration: Registration, caller: Caller): Promise<void> {
  if (flow.mode !== 'open') throw new Problem('registration_closed');
  // Decided by the address alone, before anything is read: it tells nothing about users.
  if (!allowsAddress(flow.emailDomains, registration.email.canonical)) throw new Problem('email_domain_not_allowed');
  const holder = await readFirst(flow, registration);
  registration.use.require();
  const password = await acceptPassword(flow, registration);
  await askHook(flow, registration, caller);
  const phc = await flow.hashes.compute(password);
  // A user, a link or a notice: what is written takes its time by who has the address.
  return roundUpDuration(() => writeFor(flow, registration, phc, holder, caller));
}

/** Writes, and reads again when the address changed hands since it was read. */
async function writeFor(
  flow: Register,
  registration: Registration,
  phc: string,
  read: Holder | undefined,
  caller: Caller,
): Promise<void> {
  let holder = read;
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const outcome = await write(flow, registration, phc, holder, caller);
    if (outcome !== undefined) return flow.onRegistered(outcome);
    holder = await readHolder(flow, registration);
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the address changed hands at every attempt' });
}

/** Neither reads nor counts when there is no place for the hash. */
async function readFirst(flow: Register, registration: Registration): Promise<Holder | undefined> {
  const place = flow.hashes.hold();
  try {
    return await readHolder(flow, registration);
  } finally {
    place.release();
  }
}

async function readHolder(flow: Register, { email, use }: Registration): Promise<Holder | undefined> {
  const row = await flow.database.row(findHolder, { canonical: email.canonical, ...use.sqlParams() });
  assert(row !== undefined, 'counting always answers a row');
  await use.recordResult(row);
  const { userId, identifierId, authEpoch, locale, wrapped } = row;
  if (userId === null) return undefined;
  assert(identifierId !== null && authEpoch !== null && locale !== null && wrapped !== null, 'a user has these');
  return { userId, identifierId, authEpoch, locale, wrapped, isVerified: row.verifiedAt !== null };
}

/** By what was sent alone: whoever has the address, the answer is the same. */
function acceptPassword({ passwordRules }: Register, { email, name, password, languages }: Registration) {
  return passwordRules.accept({ password, field: '/password', about: [email.canonical, name], languages });
}

/** Whoever has the address, the hook hears the same and its no comes as early. */
async function askHook({ registrationHook }: Register, registration: Registration, caller: Caller): Promise<void> {
  const { email, name, locale } = registration;
  await registrationHook?.admit({ via: 'register', email: email.canonical, name, locale }, caller);
}

async function write(
  flow: Register,
  registration: Registration,
  phc: string,
  holder: Holder | undefined,
  caller: Caller,
): Promise<'created' | 'repeated' | 'taken' | undefined> {
  if (holder === undefined) return (await create(flow, registration, phc, caller)) ? 'created' : undefined;
  if (!holder.isVerified) return (await repeat(flow, registration, phc, holder, caller)) ? 'repeated' : undefined;
  return (await notify(flow, holder, caller)) ? 'taken' : undefined;
}

async function create(flow: Register, registration: Registration, phc: string, caller: Caller): Promise<boolean> {
  const now = flow.clock.now();
  const userId = flow.makeId();
  const identifierId = flow.makeId();
  const { key, wrapped } = flow.keys.createUserKey(userId);
  const tokenId = flow.tokens.newId();
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
      registration: carriedBy(tokenId, registration, phc, now),
      locale: registration.locale,
      userKey: key,
      now,
    }),
    ...event(flow, 'user.registered', now, userId, key, caller),
  });
  return row !== undefined;
}

async function repeat(
  flow: Register,
  registration: Registration,
  phc: string,
  holder: Holder,
  caller: Caller,
): Promise<boolean> {
  const now = flow.clock.now();
  const { userId } = holder;
  const userKey = flow.keys.unwrapUserKey(userId, holder.wrapped);
  const tokenId = flow.tokens.newId();
  const link = {
    tokenId,
    holder,
    registration: carriedBy(tokenId, registration, phc, now),
    locale: registration.locale,
    userKey,
    now,
  };
  return addVerificationLink(flow, link, event(flow, 'user.registration_repeated', now, userId, userKey, caller));
}

async function notify(flow: Register, holder: Holder, caller: Caller): Promise<boolean> {
  const now = flow.clock.now();
  const { userId, identifierId, locale } = holder;
  const key = flow.keys.unwrapUserKey(userId, holder.wrapped);
  const row = await flow.database.row(notifyOwner, {
    ownerIdentifierId: identifierId,
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

/** What the link carries; the first link of a registration names it. */
function carriedBy(tokenId: string, { name, locale }: Registration, phc: string, now: Date): PendingRegistration {
  return { registrationId: tokenId, registeredAt: now.toISOString(), phc, name, locale };
}

function event(flow: Register, action: AuditAction, at: Date, userId: string, key: UserKey, caller: Caller) {
  const personal = clientInfoOf(caller);
  return flow.audit.values({ action, at, actor: { kind: 'stranger' }, userId, personal }, key);
}
