/** New accounts of identities. The rules of registration apply before anything is written: mode, domain, hook. */
import type { SignUpOptions, SignUpTicket } from '#domain/authentication/index.ts';
import { findIdentity, linkIdentity } from '#domain/federated-identities/index.ts';
import { type EmailHolder, findHolderOfEmail } from '#domain/identifiers/index.ts';
import { type IdentityProvider, isProviderEnabled, type ProviderIdentity } from '#domain/identity-providers/index.ts';
import { findActiveInvitationById, useInvitationById } from '#domain/invitations/index.ts';
import {
  type AddressHolder,
  createInvitedUser,
  createVerifiedUser,
  findAddressHolder,
  HolderChanged,
  type NewRegistration,
  type RegistrationWriter,
  retryWithHolder,
  supersedeRegistration,
  type WrittenRegistration,
  writeRegistration,
} from '#domain/registrations/index.ts';
import { firstLocale, nameInput } from '#domain/users/index.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { roundUpDuration } from '#kernel/round-up-duration.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { allowsAddress } from '#protocol/email-domains/index.ts';
import type { LoginWithProvider } from './at-provider.ts';

/** An identity that a provider vouches for, of the provider's own issuer. */
export interface VouchedIdentity extends Omit<ProviderIdentity, 'issuer'> {
  readonly provider: Pick<IdentityProvider, 'id' | 'name'>;
  readonly issuer: string;
  /** The address that the sign-in leads to. */
  readonly continueTo: string | null;
}

/** An identity, and the address of its new account. */
interface NewAccount {
  readonly vouched: VouchedIdentity;
  readonly email: { readonly asTyped: string; readonly canonical: string };
}

/** A new account whose mailbox decides, and how its sign-up goes on. */
export interface UnprovenAccount extends NewAccount {
  readonly signUp: SignUpOptions;
}

/** The sign-up of a page. */
export function signUpOf({ continueTo }: VouchedIdentity, { browserHash }: Caller): SignUpOptions {
  return { transport: 'cookie', browserHash, continueTo: continueTo ?? undefined };
}

/**
 * Throws unless a stranger may register this address. The same for free and taken addresses (invariant 13).
 *
 * @throws Problem `registration_closed`, `email_domain_not_allowed`, `registration_refused`.
 */
async function admit(flow: LoginWithProvider, { vouched, email }: NewAccount, caller: Caller): Promise<void> {
  if (flow.mode !== 'open') throw new Problem('registration_closed');
  if (!allowsAddress(flow.emailDomains, email.canonical)) throw new Problem('email_domain_not_allowed');
  const applicant = { email: email.canonical, name: nameOf(vouched), locale: localeOf(caller) };
  await flow.registrationHook?.admit({ via: 'provider', ...applicant }, caller);
}

/** The person's name at the provider, if that can be the name of an account. */
function nameOf({ name }: VouchedIdentity): string {
  return nameInput.safeParse(name).data ?? '';
}

function localeOf({ acceptLanguage }: Caller): string {
  return firstLocale(wantedLanguages(acceptLanguage));
}

/** `known`: the identity has a user by now. `taken`: another user has proven the address. Both write nothing. */
export type Registered = 'created' | 'known' | 'taken';

/**
 * Creates the account of an address that the provider proves, with the identity and without a password. An unproven registration
 * of the address ends (invariant 18). A user who has proven the address before must connect the identity.
 *
 * @throws Problem as `admit`, and `busy` when the holder of the address changed at every attempt.
 */
export async function registerProven(
  flow: LoginWithProvider,
  account: NewAccount,
  caller: Caller,
): Promise<Registered> {
  const { canonical } = account.email;
  const readHolder = () => findHolderOfEmail(flow.database, canonical);
  const first = await readHolder();
  if (first?.isProven === true) return knownOrTaken(flow, account.vouched);
  await admit(flow, account, caller);
  return written(flow, account.vouched, () =>
    retryWithHolder(flow.database, first, readHolder, (tx, holder) => create(flow, tx, account, holder, caller)),
  );
}

/** Of twenty callbacks of one person the first creates the account, and the others sign in to it. */
async function knownOrTaken({ database }: LoginWithProvider, vouched: VouchedIdentity): Promise<'known' | 'taken'> {
  return (await findIdentity(database, vouched)) === undefined ? 'taken' : 'known';
}

/** Thrown to roll back. */
class IdentityKnown extends Error {}
class AddressTaken extends Error {}

async function written(
  flow: LoginWithProvider,
  vouched: VouchedIdentity,
  write: () => Promise<void>,
): Promise<Registered> {
  try {
    await write();
  } catch (error) {
    if (error instanceof IdentityKnown) return 'known';
    if (error instanceof AddressTaken) return knownOrTaken(flow, vouched);
    throw error;
  }
  flow.onRegistered('created');
  return 'created';
}

/** Dependencies of a transaction, which makes no request. */
type AccountWriter = Pick<LoginWithProvider, 'clock' | 'users' | 'audit' | 'keys' | 'makeId' | 'secondFactorFor'>;

async function create(
  flow: AccountWriter,
  tx: Queries,
  { vouched, email }: NewAccount,
  holder: EmailHolder | undefined,
  caller: Caller,
): Promise<void> {
  const now = flow.clock.now();
  if (holder?.isProven === true) throw new AddressTaken();
  if (holder !== undefined) {
    await flow.users.lock(tx, holder.userId);
    if (!(await supersedeRegistration(tx, flow.audit, holder.userId, now))) throw new HolderChanged();
  }
  const userId = flow.makeId();
  const user = { userId, email, name: nameOf(vouched), locale: localeOf(caller), roles: [], phc: undefined, now };
  const userKey = await createVerifiedUser(tx, flow, user, {
    action: 'user.registered',
    at: now,
    actor: { kind: 'user', id: userId },
    userId,
    facts: factsOf(vouched),
    personal: clientInfoOf(caller),
  });
  if (userKey === undefined) throw new HolderChanged();
  await linkFirst(flow, tx, vouched, { userId, userKey, now });
}

function factsOf({ provider }: VouchedIdentity) {
  return { by: 'identity_provider', provider: provider.id };
}

/**
 * Compares with the row that every node changes.
 *
 * @throws Problem `invalid_provider_login` when the provider was disabled since the callback.
 */
export async function requireEnabled(tx: Queries, providerId: string): Promise<void> {
  if (!(await isProviderEnabled(tx, providerId)))
    throw new Problem('invalid_provider_login', { log: 'the provider was disabled meanwhile' });
}

/** Links the identity that an account is created with. */
async function linkFirst(
  { makeId }: AccountWriter,
  tx: Queries,
  vouched: VouchedIdentity,
  owner: { readonly userId: string; readonly userKey: UserKey; readonly now: Date },
): Promise<void> {
  const { provider, issuer, subject } = vouched;
  await requireEnabled(tx, provider.id);
  const linked = await linkIdentity(tx, makeId, { ...owner, issuer, subject, profile: profileOf(vouched) });
  if (linked.kind !== 'linked') throw new IdentityKnown();
}

/** An invitation whose link this browser opened before it left for the provider. */
export interface InvitedAccount {
  readonly vouched: VouchedIdentity;
  readonly invitationId: string;
}

/**
 * Creates the account of an invitation, with the identity and without a password. The account gets the invited address, which the
 * mailed link has proven, and never that of the provider. The operator's lists of domains do not apply: an operator invited it.
 *
 * @throws Problem `registration_closed`, `registration_refused`; `invalid_token` when the invitation is no longer active;
 * `busy` when the holder of the address changed at every attempt.
 */
export async function registerInvited(
  flow: LoginWithProvider,
  { vouched, invitationId }: InvitedAccount,
  caller: Caller,
): Promise<Registered> {
  if (flow.mode === 'closed') throw new Problem('registration_closed');
  const invitation = await findActiveInvitationById(flow.database, invitationId, flow.clock.now());
  if (invitation === undefined) throw new Problem('invalid_token');
  const { canonical, locale } = invitation;
  const name = nameOf(vouched);
  await flow.registrationHook?.admit({ via: 'invitation', email: canonical, name, locale }, caller);
  const readHolder = () => findHolderOfEmail(flow.database, canonical);
  const first = await readHolder();
  return written(flow, vouched, () =>
    retryWithHolder(flow.database, first, readHolder, (tx, holder) =>
      createInvited(flow, tx, { vouched, invitationId }, holder?.userId, caller),
    ),
  );
}

async function createInvited(
  flow: AccountWriter,
  tx: Queries,
  { vouched, invitationId }: InvitedAccount,
  holderId: string | undefined,
  caller: Caller,
): Promise<void> {
  const now = flow.clock.now();
  const { userId, userKey } = await createInvitedUser(tx, flow, {
    use: (queries, at) => useInvitationById(queries, invitationId, at),
    holderId,
    name: nameOf(vouched),
    locale: undefined,
    phc: undefined,
    facts: factsOf(vouched),
    personal: clientInfoOf(caller),
    now,
  });
  await linkFirst(flow, tx, vouched, { userId, userKey, now });
}

/** The part of an identity that its owner reads. */
export function profileOf({ email, name }: Pick<VouchedIdentity, 'email' | 'name'>) {
  return { email: email?.address ?? null, name: name ?? null };
}

/** Consumes what vouches for the identity, in the transaction of its effect. @throws Problem when it was consumed before. */
export type ConsumeVouch = (tx: Queries) => Promise<void>;

/**
 * Begins a registration whose link carries the identity: the provider is not the authority for the address, so its mailbox
 * decides. A user who has the address gets a notice instead; the response is the same.
 *
 * @throws Problem as `admit` and `consume`, and `busy` when the holder of the address changed at every attempt.
 */
export async function registerUnproven(
  flow: LoginWithProvider,
  account: UnprovenAccount,
  consume: ConsumeVouch,
  caller: Caller,
): Promise<SignUpTicket> {
  await admit(flow, account, caller);
  // The three writes take different times, which would reveal the state of the address (invariant 13).
  return roundUpDuration(() => writeUnproven(flow, account, consume, caller));
}

async function writeUnproven(
  flow: LoginWithProvider,
  { vouched, email, signUp }: UnprovenAccount,
  consume: ConsumeVouch,
  caller: Caller,
): Promise<SignUpTicket> {
  const { issuer, subject, strength } = vouched;
  const identity = { issuer, subject, ...profileOf(vouched) };
  const registration = {
    email,
    name: nameOf(vouched),
    locale: localeOf(caller),
    carried: { by: 'identity_provider', identity, strength },
    signUp,
  } as const;
  const readHolder = () => findAddressHolder(flow.database, email.canonical);
  const { outcome, ticket } = await retryWithHolder(flow.database, await readHolder(), readHolder, (tx, holder) =>
    writeOnce(flow, tx, { providerId: vouched.provider.id, registration, consume, holder }, caller),
  );
  flow.onRegistered(outcome);
  return ticket;
}

interface UnprovenWrite {
  readonly providerId: string;
  readonly registration: NewRegistration;
  readonly consume: ConsumeVouch;
  readonly holder: AddressHolder | undefined;
}

/** Consumes with the write, so that a failure of ours leaves the identity to be sent again. */
async function writeOnce(
  flow: RegistrationWriter,
  tx: Queries,
  { providerId, registration, consume, holder }: UnprovenWrite,
  caller: Caller,
): Promise<WrittenRegistration> {
  await requireEnabled(tx, providerId);
  await consume(tx);
  const registered = await writeRegistration(flow, tx, registration, holder, caller);
  if (registered === undefined) throw new HolderChanged();
  return registered;
}
