/** The way to a provider, and back. No transaction is open while a request to the provider is. */
import { browserSecretSeconds, type LoginGate, newBrowser, readBrowser } from '#domain/authentication/index.ts';
import {
  type BrowserSecret,
  beginProviderLogin,
  newProviderLogin,
  type ProviderLoginPurpose,
  type TakenProviderLogin,
  takeProviderLogin,
} from '#domain/federated-identities/index.ts';
import {
  type IdentityProvider,
  type ProviderIdentity,
  type ProviderList,
  ProviderRefusal,
  type ProviderRequests,
} from '#domain/identity-providers/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import type { RegistrationHook } from '#domain/registrations/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { CookieChange } from '#platform/http/index.ts';
import type { EmailDomains } from '#protocol/email-domains/index.ts';

/** Dependencies of the flow. */
export interface LoginWithProvider extends LoginGate {
  readonly identityProviders: ProviderList;
  readonly providerClient: ProviderRequests;
  readonly publicUrl: string;
  readonly tokens: OneTimeTokens;
  readonly mode: 'open' | 'invite' | 'closed';
  /** The operator's lists of allowed and denied domains. */
  readonly emailDomains: EmailDomains;
  /** Undefined when no hook is configured. */
  readonly registrationHook: RegistrationHook | undefined;
  /** Called after each registration; feeds a metric. */
  readonly onRegistered: (outcome: 'created' | 'repeated' | 'taken') => void;
}

/** The redirect URI: each provider has its own, so that the response of one is never taken for that of another. */
function callbackOf({ publicUrl }: LoginWithProvider, { id }: IdentityProvider): string {
  return new URL(`/login/with/${id}/callback`, publicUrl).href;
}

/** A browser that leaves for a provider. */
export interface Departure {
  readonly provider: IdentityProvider;
  readonly url: URL;
  readonly cookies: readonly CookieChange[];
}

/** The browser that leaves, and why. */
export type Leaving = ProviderLoginPurpose & {
  readonly providerId: string;
  readonly browserSecret: string | undefined;
  readonly continueTo: string | undefined;
  readonly invitationId?: string | undefined;
};

/**
 * Sends this browser to a provider. The address is requested first, so that a provider that cannot be reached leaves no row behind.
 *
 * @throws Problem `not_found` for a provider that is unknown or disabled. @throws ProviderRefusal `unavailable`.
 */
export async function leaveFor(
  flow: LoginWithProvider,
  { providerId, browserSecret, continueTo, invitationId, ...purpose }: Leaving,
): Promise<Departure> {
  const provider = await flow.identityProviders.findEnabled(providerId);
  if (provider === undefined) throw new Problem('not_found');
  const login = newProviderLogin(flow.keys);
  const { keyId: _, ...secrets } = login;
  const url = await flow.providerClient.authorizationUrl(provider, {
    ...secrets,
    redirectUri: callbackOf(flow, provider),
  });
  const now = flow.clock.now();
  const { secret, hash } = readBrowser(browserSecret) ?? newBrowser();
  const started = { ...purpose, providerId, browserHash: hash, continueTo, invitationId, now };
  if (!(await beginProviderLogin(flow, login, started))) throw new Problem('not_found');
  const change = { value: secret, expiresAt: addSeconds(now, browserSecretSeconds) };
  return { provider, url, cookies: [{ cookie: 'login', change }] };
}

/** The parameters of a callback, as the provider sent them. */
export type CallbackParameters = Readonly<Record<string, string | undefined>>;

/** A browser that came back with an identity. */
export interface Arrival {
  readonly provider: IdentityProvider;
  readonly identity: ProviderIdentity;
  readonly login: TakenProviderLogin;
  readonly browser: BrowserSecret;
}

/** Why nothing came of a callback: the login was used, expired or is another browser's; or the provider refused. */
export type FailedArrival = 'stale' | 'denied' | 'unavailable' | 'invalid';

/**
 * Takes the login of a callback, then requests the person's identity: of two callbacks one makes the request. The provider may have
 * been disabled meanwhile.
 */
export async function arriveFrom(
  flow: LoginWithProvider,
  { providerId, browserSecret }: { readonly providerId: string; readonly browserSecret: string | undefined },
  parameters: CallbackParameters,
  onRefusal: (refusal: ProviderRefusal) => void,
): Promise<Arrival | FailedArrival> {
  const browser = readBrowser(browserSecret);
  const { state } = parameters;
  if (browser === undefined || state === undefined) return 'stale';
  const provider = await flow.identityProviders.findEnabled(providerId);
  if (provider === undefined) return 'stale';
  const now = flow.clock.now();
  const login = await takeProviderLogin(flow, { state, providerId, browserHash: browser.hash, now });
  if (login === undefined) return 'stale';
  const { nonce, verifier } = login;
  const sent = { state, nonce, verifier, redirectUri: callbackOf(flow, provider) };
  try {
    const identity = await flow.providerClient.exchange(provider, {
      ...sent,
      callback: callbackParameters(parameters),
    });
    const isEnabled = flow.identityProviders.byId(providerId)?.enabled === true;
    return isEnabled ? { provider, identity, login, browser } : 'stale';
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error;
    onRefusal(error);
    return error.kind;
  }
}

function callbackParameters(parameters: CallbackParameters): URLSearchParams {
  const sent = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new URLSearchParams(sent);
}
