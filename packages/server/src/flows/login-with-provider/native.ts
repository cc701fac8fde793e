/** Login of a native application by the ID token that it got from a provider. */
import type { LoginOptions, LoginResult, SignUpTicket } from '#domain/authentication/index.ts';
import { type IdentityUse, readNativeNonce } from '#domain/federated-identities/index.ts';
import { emailInput } from '#domain/identifiers/index.ts';
import { type IdentityProvider, type ProviderIdentity, ProviderRefusal } from '#domain/identity-providers/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller } from '#platform/http/index.ts';
import type { LoginWithProvider } from './at-provider.ts';
import { loginWith, spend } from './enter.ts';
import { registerProven, registerUnproven, type VouchedIdentity } from './sign-up.ts';

/** An ID token as an application presents it. */
export interface PresentedIdToken {
  readonly provider: string;
  readonly idToken: string;
  readonly nonce: string;
  /** The address that the person typed, where the provider gives none. */
  readonly email: { readonly asTyped: string; readonly canonical: string } | undefined;
  readonly deviceToken: string | undefined;
}

/** A login, or the sign-up of an address whose mailbox decides. */
export type NativeLogin =
  | { readonly kind: 'login'; readonly result: LoginResult }
  | { readonly kind: 'mailed'; readonly ticket: SignUpTicket };

/**
 * Logs in by an ID token, whose issuer, audience and keys are those of the configured provider. The nonce is ours, and is spent
 * with the effect.
 *
 * @throws Problem `not_enabled`, `invalid_provider_login`, `unavailable`; `account_exists` when the provider proves the address
 * of another account; `email_required`; the refusals of the gate and of registrations.
 */
export async function loginByIdToken(
  flow: LoginWithProvider,
  presented: PresentedIdToken,
  caller: Caller,
): Promise<NativeLogin> {
  const provider = await flow.identityProviders.findEnabled(presented.provider);
  if (provider?.acceptsNativeTokens !== true) throw new Problem('not_enabled');
  const use = readNativeNonce(flow.keys, presented.nonce, flow.clock.now());
  if (use === undefined) throw new Problem('invalid_provider_login', { log: 'the nonce is not ours, or has expired' });
  const identity = await verify(flow, provider, presented);
  const vouched = vouchedOf(provider, identity);
  const options = { transport: 'token', deviceToken: presented.deviceToken } as const;
  const result = await loginWith(flow, vouched, use, options, caller);
  if (result !== undefined) return { kind: 'login', result };
  return register(flow, { vouched, use, options, typed: presented.email }, caller);
}

async function verify(
  { providerClient }: LoginWithProvider,
  provider: IdentityProvider,
  { idToken, nonce }: PresentedIdToken,
): Promise<ProviderIdentity> {
  try {
    return await providerClient.verifyNativeIdToken(provider, { idToken, nonce });
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error;
    const code = error.kind === 'unavailable' ? 'unavailable' : 'invalid_provider_login';
    throw new Problem(code, { log: error.message, cause: error });
  }
}

function vouchedOf(provider: IdentityProvider, { subject, email, name, strength }: ProviderIdentity): VouchedIdentity {
  return { provider, issuer: provider.issuer, subject, email, name, strength, continueTo: null };
}

interface UnknownIdentity {
  readonly vouched: VouchedIdentity;
  readonly use: IdentityUse;
  readonly options: LoginOptions;
  readonly typed: PresentedIdToken['email'];
}

async function register(
  flow: LoginWithProvider,
  { vouched, use, options, typed }: UnknownIdentity,
  caller: Caller,
): Promise<NativeLogin> {
  const given = vouched.email && emailInput.safeParse(vouched.email.address).data;
  if (given !== undefined && vouched.email?.proven === true) {
    const registered = await registerProven(flow, { vouched, email: given }, caller);
    if (registered === 'taken') throw new Problem('account_exists');
    const result = await loginWith(flow, vouched, use, options, caller);
    if (result === undefined) throw new Problem('invalid_provider_login', { log: 'the new account is gone' });
    return { kind: 'login', result };
  }
  const email = given ?? typed;
  if (email === undefined) throw new Problem('email_required');
  const account = { vouched, email, signUp: { transport: 'token' } } as const;
  const ticket = await registerUnproven(flow, account, (tx) => spend(tx, use), caller);
  return { kind: 'mailed', ticket };
}
