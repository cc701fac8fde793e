/** New accounts of identities. The rules of registration apply before anything is written: mode, domain, hook. */
import type { SignUpOptions, SignUpTicket } from '#domain/authentication/index.ts';
import { linkIdentity } from '#domain/federated-identities/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import type { IdentityProvider, ProviderIdentity } from '#domain/identity-providers/index.ts';
import {
  createVerifiedUser,
  findAddressHolder,
  supersedeRegistration,
  writeRegistration,
} from '#domain/registrations/index.ts';
import { firstLocale, nameInput } from '#domain/users/index.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { roundUpDuration } from '#kernel/round-up-duration.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
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

/** Bounds the retries when the holder of the address changes between the read and the write. */
const maxAttempts = 3;

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

/**
 * Creates the account of an address that the provider proves, with the identity and without a password. An unproven registration
 * of the address ends (invariant 18). Returns false, and writes nothing, when a user has proven the address before: that user
 * must connect the identity.
 *
 * @throws Problem as `admit`, and `busy` when the holder of the address changed at every attempt.
 */
export async function registerProven(flow: LoginWithProvider, account: NewAccount, caller: Caller): Promise<boolean> {
  const { canonical } = account.email;
  if ((await findHolderOfEmail(flow.database, canonical))?.isProven === true) return false;
  await admit(flow, account, caller);
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const holder = await findHolderOfEmail(flow.database, canonical);
    if (holder?.isProven === true) return false;
    if (await tryToCreate(flow, account, holder?.userId, caller)) {
      flow.onRegistered('created');
      return true;
    }
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the holder of the address changed at every attempt' });
}

/** Dependencies of a transaction, which makes no request. */
type AccountWriter = Pick<LoginWithProvider, 'clock' | 'users' | 'audit' | 'keys' | 'makeId'>;

/** Thrown to roll back. */
class HolderChanged extends Error {}

async function tryToCreate(
  flow: LoginWithProvider,
  account: NewAccount,
  holderId: string | undefined,
  caller: Caller,
): Promise<boolean> {
  try {
    await flow.database.transaction((tx) => create(flow, tx, account, holderId, caller));
    return true;
  } catch (error) {
    if (error instanceof HolderChanged) return false;
    throw error;
  }
}

async function create(
  flow: AccountWriter,
  tx: Queries,
  { vouched, email }: NewAccount,
  holderId: string | undefined,
  caller: Caller,
): Promise<void> {
  const now = flow.clock.now();
  if (holderId !== undefined) {
    await flow.users.lock(tx, holderId);
    if (!(await supersedeRegistration(tx, flow.audit, holderId, now))) throw new HolderChanged();
  }
  const userId = flow.makeId();
  const user = { userId, email, name: nameOf(vouched), locale: localeOf(caller), roles: [], phc: undefined, now };
  const userKey = await createVerifiedUser(tx, flow, user, {
    action: 'user.registered',
    at: now,
    actor: { kind: 'user', id: userId },
    userId,
    facts: { by: 'identity_provider', provider: vouched.provider.id },
    personal: clientInfoOf(caller),
  });
  if (userKey === undefined) throw new HolderChanged();
  const { issuer, subject } = vouched;
  const linked = await linkIdentity(tx, flow.makeId, {
    userId,
    userKey,
    issuer,
    subject,
    profile: profileOf(vouched),
    now,
  });
  // Another callback of the same person was faster: its account is the one.
  if (linked.kind !== 'linked') throw new Problem('invalid_provider_login', { log: 'the identity has a user by now' });
}

/** The part of an identity that its owner reads. */
export function profileOf({ email, name }: Pick<VouchedIdentity, 'email' | 'name'>) {
  return { email: email?.address ?? null, name: name ?? null };
}

/**
 * Begins a registration whose link carries the identity: the provider is not the authority for the address, so its mailbox
 * decides. A user who has the address gets a notice instead; the response is the same.
 *
 * @throws Problem as `admit`, and `busy` when the holder of the address changed at every attempt.
 */
export async function registerUnproven(
  flow: LoginWithProvider,
  account: UnprovenAccount,
  caller: Caller,
): Promise<SignUpTicket> {
  await admit(flow, account, caller);
  // The three writes take different times, which would reveal the state of the address (invariant 13).
  return roundUpDuration(() => writeUnproven(flow, account, caller));
}

async function writeUnproven(
  flow: LoginWithProvider,
  { vouched, email, signUp }: UnprovenAccount,
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
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const holder = await findAddressHolder(flow.database, email.canonical);
    const written = await writeRegistration(flow, registration, holder, caller);
    if (written !== undefined) {
      flow.onRegistered(written.outcome);
      return written.ticket;
    }
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the holder of the address changed at every attempt' });
}
