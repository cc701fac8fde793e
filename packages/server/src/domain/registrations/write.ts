/** The write of a registration: one statement for each state of the address. */
import { type AuditAction, type AuditLog, recordFragment } from '#domain/audit/index.ts';
import {
  type NewSignUpTicket,
  newSignUpTicket,
  type SignUpOptions,
  type SignUpProof,
  type SignUpTicket,
  signUpTicketFragment,
} from '#domain/authentication/index.ts';
import { claimEmailFragment } from '#domain/identifiers/index.ts';
import { enqueueMailFragment, type MailLedger } from '#domain/mail-ledger/index.ts';
import { insertTokenFragment, type OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { passwordAssociatedData, upsertPasswordFragment } from '#domain/passwords/index.ts';
import { insertUserFragment } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import { linkValues, repeatRegistration } from './link.ts';
import type { CarriedIdentity, PendingRegistration } from './pending.ts';

const claimed = claimEmailFragment();
const created = insertUserFragment('claimed');
const password = upsertPasswordFragment('claimed');
const issuedToClaimed = insertTokenFragment('claimed');
const mailToClaimed = enqueueMailFragment('issued');
const auditedClaim = recordFragment('claimed');
const ticketOfClaim = signUpTicketFragment('claimed');

/** For a free address. Every fragment depends on the claim of the identifier; no row when another request claimed it first. */
const createUser = statement('register.create_user', {
  lane: 'write',
  sql: `with ${claimed.sql}, ${created.sql}, ${password.sql}, ${issuedToClaimed.sql}, ${mailToClaimed.sql},
    ${auditedClaim.sql}, ${ticketOfClaim.sql}
    select user_id from claimed`,
  params: {
    ...claimed.params,
    ...created.params,
    ...password.params,
    ...issuedToClaimed.params,
    ...mailToClaimed.params,
    ...auditedClaim.params,
    ...ticketOfClaim.params,
  },
  columns: { userId: 'uuid' },
  after: { wakesWorkers: true },
});

const owner = `owner as (select user_id from identifiers where id = :ownerIdentifierId)`;
const mailToOwner = enqueueMailFragment('owner');
const auditedRefusal = recordFragment('owner');
const ticketOfNobody = signUpTicketFragment('owner');

/** For a verified address: enqueues the notice to its owner. The ticket is of a registration that does not exist. No row when the account was deleted meanwhile. */
const notifyOwner = statement('register.notify_owner', {
  lane: 'write',
  sql: `with ${owner}, ${mailToOwner.sql}, ${auditedRefusal.sql}, ${ticketOfNobody.sql} select user_id from owner`,
  params: { ownerIdentifierId: 'uuid', ...mailToOwner.params, ...auditedRefusal.params, ...ticketOfNobody.params },
  columns: { userId: 'uuid' },
  after: { wakesWorkers: true },
});

/** Dependencies of the write. */
export interface RegistrationWriter {
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

/** The proof of a later login, for the user once the address is verified. */
export type Carried =
  | { readonly by: 'password'; readonly phc: string }
  | { readonly by: 'identity_provider'; readonly identity: CarriedIdentity; readonly strength: 'one' | 'two' };

/** A registration that was accepted and is about to be written. */
export interface NewRegistration {
  readonly email: { readonly asTyped: string; readonly canonical: string };
  readonly name: string;
  readonly locale: string;
  readonly carried: Carried;
  /** How the sign-up goes on once its address is confirmed. */
  readonly signUp: SignUpOptions;
}

/** The user who holds the address, as it was read. */
export interface AddressHolder {
  readonly userId: string;
  readonly identifierId: string;
  readonly authEpoch: number;
  readonly locale: string;
  readonly isVerified: boolean;
  readonly wrapped: Buffer;
}

const findHolder = statement('registrations.find_holder', {
  lane: 'read',
  sql: `select u.id as user_id, u.auth_epoch, u.locale, i.id as identifier_id, i.verified_at, k.wrapped
    from identifiers i join users u on u.id = i.user_id join user_keys k on k.user_id = u.id
    where i.kind = 'email' and i.canonical = :canonical`,
  params: { canonical: 'text' },
  columns: {
    userId: 'uuid',
    authEpoch: 'int4',
    locale: 'text',
    identifierId: 'uuid',
    verifiedAt: 'timestamptz?',
    wrapped: 'bytea',
  },
});

/** Reads the holder for `writeRegistration`, where no quota of the address is counted. */
export async function findAddressHolder(database: Database, canonical: string): Promise<AddressHolder | undefined> {
  const row = await database.row(findHolder, { canonical });
  if (row === undefined) return undefined;
  const { verifiedAt, ...holder } = row;
  return { ...holder, isVerified: verifiedAt !== null };
}

/** The state that the write met, and the ticket of the sign-up, which the caller gets for every address. */
export interface WrittenRegistration {
  readonly outcome: 'created' | 'repeated' | 'taken';
  readonly ticket: SignUpTicket;
}

/**
 * Creates a user, adds a link to an unverified registration, or notifies the owner of a verified address, each by one
 * statement. Undefined when the holder of the address changed since it was read.
 *
 * @param queries a transaction where something else is consumed together with the write.
 */
export async function writeRegistration(
  deps: RegistrationWriter,
  queries: Queries,
  registration: NewRegistration,
  holder: AddressHolder | undefined,
  requester: Requester,
): Promise<WrittenRegistration | undefined> {
  const begun = begin(deps, registration);
  const { ticket } = begun.ticket;
  if (holder === undefined)
    return (await create(deps, queries, begun, requester)) ? { outcome: 'created', ticket } : undefined;
  if (!holder.isVerified)
    return (await repeat(deps, queries, begun, holder, requester)) ? { outcome: 'repeated', ticket } : undefined;
  return (await notify(deps, queries, begun, holder, requester)) ? { outcome: 'taken', ticket } : undefined;
}

/** A registration with what is computed for every address, taken or not. */
interface BegunRegistration {
  readonly registration: NewRegistration;
  /** The id of its link, and the registration's own. */
  readonly tokenId: string;
  readonly ticket: NewSignUpTicket;
  readonly now: Date;
}

function begin(deps: RegistrationWriter, registration: NewRegistration): BegunRegistration {
  const now = deps.clock.now();
  const tokenId = deps.tokens.newId();
  const ticket = newSignUpTicket(tokenId, registration.email, registration.signUp, now, proofOf(registration.carried));
  return { registration, tokenId, ticket, now };
}

function proofOf(carried: Carried): SignUpProof {
  return carried.by === 'password' ? { by: 'password' } : { by: 'identity_provider', strength: carried.strength };
}

async function create(
  deps: RegistrationWriter,
  queries: Queries,
  { registration, tokenId, ticket, now }: BegunRegistration,
  requester: Requester,
): Promise<boolean> {
  const userId = deps.makeId();
  const identifierId = deps.makeId();
  const { key, wrapped } = deps.keys.createUserKey(userId);
  const row = await queries.row(createUser, {
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
    passwordSealed: sealedPassword(deps, registration, userId),
    passwordChangedAt: now,
    ...linkValues(deps, {
      tokenId,
      holder: { userId, identifierId, authEpoch: 1 },
      registration: pendingRegistration(tokenId, registration, now),
      device: deviceOf(requester),
      locale: registration.locale,
      userKey: key,
      now,
    }),
    ...ticket.values,
    ...event(deps, 'user.registered', now, userId, key, requester),
  });
  return row !== undefined;
}

async function repeat(
  deps: RegistrationWriter,
  queries: Queries,
  { registration, tokenId, ticket, now }: BegunRegistration,
  holder: AddressHolder,
  requester: Requester,
): Promise<boolean> {
  const { userId } = holder;
  const userKey = deps.keys.unwrapUserKey(userId, holder.wrapped);
  const link = {
    tokenId,
    holder,
    registration: pendingRegistration(tokenId, registration, now),
    device: deviceOf(requester),
    locale: registration.locale,
    userKey,
    now,
  };
  return repeatRegistration(
    deps,
    queries,
    link,
    ticket,
    event(deps, 'user.registration_repeated', now, userId, userKey, requester),
  );
}

async function notify(
  deps: RegistrationWriter,
  queries: Queries,
  { ticket, now }: BegunRegistration,
  holder: AddressHolder,
  requester: Requester,
): Promise<boolean> {
  const { userId, identifierId, locale } = holder;
  const key = deps.keys.unwrapUserKey(userId, holder.wrapped);
  const row = await queries.row(notifyOwner, {
    ownerIdentifierId: identifierId,
    ...ticket.values,
    ...deps.mail.values({
      template: 'already_registered',
      locale,
      userId,
      identifierId,
      tokenId: null,
      params: {},
      userKey: key,
      now,
    }),
    ...event(deps, 'user.registration_refused', now, userId, key, requester),
  });
  return row !== undefined;
}

/** Null for a registration that carries an identity. */
function sealedPassword({ keys }: RegistrationWriter, { carried }: NewRegistration, userId: string): Buffer | null {
  return carried.by === 'password' ? keys.seal('password', carried.phc, passwordAssociatedData(userId)) : null;
}

/** The payload of the link. The id of the registration is the id of its first link. */
function pendingRegistration(
  tokenId: string,
  { email: { asTyped }, name, locale, carried, signUp: { continueTo } }: NewRegistration,
  now: Date,
): PendingRegistration {
  const to = continueTo === undefined ? {} : { continueTo };
  const common = { registrationId: tokenId, registeredAt: now.toISOString(), asTyped, name, locale, ...to };
  return carried.by === 'password' ? { ...common, phc: carried.phc } : { ...common, identity: carried.identity };
}

/** In words of our own: a user agent is any text. */
function deviceOf({ userAgent }: Requester): string {
  return describeUserAgent(userAgent).words;
}

function event(
  deps: RegistrationWriter,
  action: AuditAction,
  at: Date,
  userId: string,
  key: UserKey,
  requester: Requester,
) {
  const personal = clientInfoOf(requester);
  return deps.audit.values({ action, at, actor: { kind: 'anonymous' }, userId, personal }, key);
}
