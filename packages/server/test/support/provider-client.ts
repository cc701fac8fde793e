/** Providers and the client for tests of requests to identity providers. */
import {
  describeProvider,
  type IdentityProvider,
  type Preset,
  type PresetName,
  ProviderClient,
  type ProviderIdentity,
  ProviderRefusal,
  type ProviderSettings,
  presets,
  providerSettings,
} from '#domain/identity-providers/index.ts';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { Outbound, type OutboundOptions } from '#platform/outbound/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { parseStrictJson } from '#protocol/strict-json/index.ts';
import type { FakeProvider } from './fake-provider.ts';

export const callbackUrl = 'https://login.example/login/with/fake/callback';

/** An outbound client with the rules of development. */
export function openOutbound(more: Partial<OutboundOptions> = {}): Outbound {
  return new Outbound({
    clock: systemClock,
    readDestination: (url, policy) => readDestination(url, { ...policy, production: false }),
    parseJson: parseStrictJson,
    observe: () => undefined,
    ...more,
  });
}

export interface ClientOptions {
  readonly outbound?: Outbound;
  readonly clock?: Clock;
  readonly secret?: string | undefined;
  readonly presets?: Partial<Record<PresetName, Preset>>;
  readonly production?: boolean;
}

/** A client whose providers have the secret of the fake one. */
export function openProviderClient(fake: FakeProvider, options: ClientOptions = {}): ProviderClient {
  const { outbound = openOutbound(), clock = systemClock, production = false } = options;
  const secret = 'secret' in options ? options.secret : fake.clientSecret;
  return new ProviderClient({
    outbound,
    clock,
    production,
    secretOf: () => secret,
    presets: { ...presets, ...options.presets },
  });
}

/** The row of a provider with this preset that leads to the fake one. */
export function providerOf(
  fake: FakeProvider,
  preset: PresetName = 'oidc',
  settings: Partial<ProviderSettings> = {},
): IdentityProvider {
  const read = providerSettings.parse({ clientId: fake.clientId, allowPrivate: true, ...settings });
  const described = describeProvider(presets[preset], read);
  return { ...described, id: 'fake', name: 'Fake', preset, issuer: fake.issuer, enabled: true };
}

const login = {
  state: 'state-of-this-login',
  nonce: 'nonce-of-this-login',
  verifier: 'v'.repeat(43),
  redirectUri: callbackUrl,
};

/** One whole login: authorization request, the browser's way, and the exchange. */
export async function logInAt(
  fake: FakeProvider,
  client: ProviderClient,
  provider: IdentityProvider = providerOf(fake),
): Promise<ProviderIdentity> {
  const url = await client.authorizationUrl(provider, login);
  return client.exchange(provider, { ...login, callback: fake.authorize(url) });
}

/** The kind of the refusal. Throws when there is none, or when the error is another one. */
export async function refusalOf(work: Promise<unknown>): Promise<ProviderRefusal['kind']> {
  const error: unknown = await work.then(
    () => new Error('the provider was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof ProviderRefusal) return error.kind;
  throw error;
}
