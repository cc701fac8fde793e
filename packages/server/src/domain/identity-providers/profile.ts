/** The profile at an OAuth 2.0 provider, in place of an ID token. */
import { createHmac } from 'node:crypto';
import type { ProviderCall } from './call.ts';
import { type Claims, emailOf } from './email-proof.ts';
import { nameOf, subjectOf } from './identity.ts';
import type { Preset, ProfileSource } from './presets.ts';
import { type IdentityProvider, type ProviderIdentity, ProviderRefusal } from './provider.ts';

export interface ProfileAccess {
  readonly call: ProviderCall;
  readonly accessToken: string;
  readonly secret: string | undefined;
}

/** Reads the profile that an access token opens. */
export async function readProfile(
  provider: IdentityProvider,
  { preset, source }: { readonly preset: Preset; readonly source: ProfileSource },
  { call, accessToken, secret }: ProfileAccess,
): Promise<ProviderIdentity> {
  const url = source.sendsSecretProof === true ? withProof(source.url, accessToken, secret ?? '') : source.url;
  const profile = objectOf(provider, await call.readProfileJson(url, accessToken));
  const email =
    source.emailsUrl === undefined
      ? memberOf(profile, source.email)
      : primaryEmail(await call.readProfileJson(source.emailsUrl, accessToken));
  return {
    issuer: provider.issuer,
    subject: subjectOf(provider, memberOf(profile, source.subject)),
    email: emailOf({ email }, preset.emailProof, []),
    name: source.names.map((path) => nameOf(memberOf(profile, path))).find((name) => name !== undefined),
    strength: 'one',
  };
}

/** Facebook's `appsecret_proof`. */
function withProof(address: string, accessToken: string, secret: string): string {
  const url = new URL(address);
  url.searchParams.set('appsecret_proof', createHmac('sha256', secret).update(accessToken).digest('hex'));
  return url.href;
}

function objectOf({ id }: IdentityProvider, json: unknown): Claims {
  if (isObject(json)) return json;
  throw new ProviderRefusal('invalid', `identity provider ${id}: the profile is no object`);
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function memberOf(profile: Claims, path: string): unknown {
  let value: unknown = profile;
  for (const name of path.split('.')) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

function primaryEmail(list: unknown): unknown {
  const entries: readonly unknown[] = Array.isArray(list) ? list : [];
  return entries.filter(isObject).find(({ primary, verified }) => primary === true && verified === true)?.email;
}
