/**
 * The way on with an identity. Known: the gate decides. Unknown: a link that a session requested, a new account, or nothing but
 * a question. An email never links an identity to a user who has it already (invariant 6).
 */
import {
  type LoginOptions,
  type LoginResult,
  recordRejectedLogin,
  type SignUpTicket,
  startLogin,
} from '#domain/authentication/index.ts';
import { findIdentity, holdIdentity, type IdentityUse, spendIdentityUse } from '#domain/federated-identities/index.ts';
import { emailInput } from '#domain/identifiers/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { Arrival, LoginWithProvider } from './at-provider.ts';
import { linkOwn } from './link.ts';
import {
  registerInvited,
  registerProven,
  registerUnproven,
  signUpOf,
  type UnprovenAccount,
  type VouchedIdentity,
} from './sign-up.ts';

/** The outcome of a callback. */
export type Entry =
  | { readonly kind: 'login'; readonly result: LoginResult }
  | { readonly kind: 'linked'; readonly continueTo: string | null }
  /** Another user of the address, which the provider proves, must sign in to connect the identity. */
  | { readonly kind: 'connect'; readonly continueTo: string | null }
  /** The same for a free and a taken address (invariant 13). */
  | { readonly kind: 'mailed'; readonly ticket: SignUpTicket }
  | { readonly kind: 'email_needed' };

/**
 * Leads on with the identity of a callback.
 *
 * @throws Problem the refusal of the gate; `registration_closed`, `email_domain_not_allowed`, `registration_refused`;
 * `identity_taken` for a link; `invalid_provider_login` when another session than the present one requested the link.
 */
export async function enter(
  flow: LoginWithProvider,
  arrival: Arrival,
  principal: Principal | undefined,
  caller: Caller,
): Promise<Entry> {
  const { login } = arrival;
  const vouched = vouchedOf(arrival);
  if (login.purpose === 'link') {
    if (principal === undefined || principal.sessionId !== login.sessionId)
      throw new Problem('invalid_provider_login', { log: 'the session that asked for the link has ended' });
    await linkOwn(flow, vouched, principal, caller);
    return { kind: 'linked', continueTo: login.continueTo };
  }
  const result = await loginWith(flow, vouched, useOf(login), optionsOf(caller, login.continueTo), caller);
  return result === undefined ? enterUnknown(flow, arrival, vouched, caller) : { kind: 'login', result };
}

function vouchedOf({ provider, identity, login }: Arrival): VouchedIdentity {
  const { subject, email, name, strength } = identity;
  // The issuer is that of the configuration, never one that a token names.
  return { provider, issuer: provider.issuer, subject, email, name, strength, continueTo: login.continueTo };
}

function optionsOf({ deviceCookie, browserHash }: Caller, continueTo: string | null): LoginOptions {
  return { transport: 'cookie', deviceToken: deviceCookie, browserHash, continueTo: continueTo ?? undefined };
}

/**
 * Logs in the user of a known identity. Undefined for an unknown one.
 *
 * @throws Problem the refusal of the gate; `identity_suspended` for an identity that a recovery has suspended.
 */
export async function loginWith(
  flow: LoginWithProvider,
  { issuer, subject, strength }: Pick<VouchedIdentity, 'issuer' | 'subject' | 'strength'>,
  use: IdentityUse,
  options: LoginOptions,
  caller: Caller,
): Promise<LoginResult | undefined> {
  const known = await findIdentity(flow.database, { issuer, subject });
  if (known === undefined) return undefined;
  const { id: identityId, userId } = known;
  try {
    return await startLogin(flow, { by: 'identity_provider', userId, identityId, strength, use }, options, caller);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'invalid_provider_login') throw error;
    // Read again: a recovery may have suspended it since.
    const isSuspended = Boolean((await findIdentity(flow.database, { issuer, subject }))?.suspendedAt);
    const refusal = isSuspended ? new Problem('identity_suspended') : error;
    const userKey = await flow.users.key(userId);
    const rejected = { by: 'identity_provider', reason: refusal.code, userId: userKey && userId, userKey } as const;
    await recordRejectedLogin(flow, flow.database, rejected, caller);
    throw refusal;
  }
}

async function enterUnknown(
  flow: LoginWithProvider,
  { browser, login }: Arrival,
  vouched: VouchedIdentity,
  caller: Caller,
): Promise<Entry> {
  if (login.invitationId !== null) {
    await registerInvited(flow, { vouched, invitationId: login.invitationId }, caller);
    return loginToNew(flow, login, vouched, caller);
  }
  const address = vouched.email && emailInput.safeParse(vouched.email.address).data;
  if (vouched.email === undefined || address === undefined) {
    await hold(flow, browser, vouched);
    return { kind: 'email_needed' };
  }
  if (!vouched.email.proven)
    return { kind: 'mailed', ticket: await mail(flow, login, { vouched, email: address }, caller) };
  if ((await registerProven(flow, { vouched, email: address }, caller)) === 'taken') {
    await hold(flow, browser, vouched);
    return { kind: 'connect', continueTo: login.continueTo };
  }
  return loginToNew(flow, login, vouched, caller);
}

async function loginToNew(
  flow: LoginWithProvider,
  login: Arrival['login'],
  vouched: VouchedIdentity,
  caller: Caller,
): Promise<Entry> {
  const result = await loginWith(flow, vouched, useOf(login), optionsOf(caller, login.continueTo), caller);
  if (result === undefined) throw new Problem('invalid_provider_login', { log: 'the new account is gone' });
  return { kind: 'login', result };
}

function useOf({ id }: Arrival['login']): IdentityUse {
  return { kind: 'provider_login', id };
}

function mail(
  flow: LoginWithProvider,
  login: Arrival['login'],
  { vouched, email }: Pick<UnprovenAccount, 'vouched' | 'email'>,
  caller: Caller,
): Promise<SignUpTicket> {
  const account = { vouched, email, signUp: signUpOf(vouched, caller) };
  return registerUnproven(flow, account, (tx) => spend(tx, useOf(login)), caller);
}

/** Spends the login or the token that vouched for an identity. @throws Problem `invalid_provider_login` when it was spent. */
export async function spend(tx: Queries, use: IdentityUse): Promise<void> {
  if (!(await spendIdentityUse(tx, use)))
    throw new Problem('invalid_provider_login', { log: 'the login or the token was used before' });
}

function hold(flow: LoginWithProvider, browser: Arrival['browser'], vouched: VouchedIdentity): Promise<void> {
  const { provider, issuer, subject, email, name, strength, continueTo } = vouched;
  const pending = { issuer, subject, providerId: provider.id, strength, continueTo };
  const profile = { email: email?.address ?? null, name: name ?? null };
  return holdIdentity(flow.database, flow.makeId, browser, { ...pending, ...profile }, flow.clock.now());
}
