/** Checks a provider that an operator adds, before it is stored. Returns sentences for operators. */
import { readDestination } from '#protocol/outbound-url/index.ts';
import { acceptText } from '#protocol/untrusted-text/index.ts';
import { readAppleKey } from './apple-secret.ts';
import { isPresetName, type Preset, presetNames, presets } from './presets.ts';
import type { PresetName } from './provider.ts';
import { type ProviderSettings, providerSettings } from './settings.ts';

/** As an operator wrote it. */
export interface NewProvider {
  readonly id: string;
  readonly preset: string;
  /** As people read it; that of the preset by default. */
  readonly name: string | undefined;
  readonly issuer: string | undefined;
  /** The client secret, or Apple's key in PEM. */
  readonly secret: string | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A checked provider. */
export interface CheckedProvider {
  readonly id: string;
  readonly preset: PresetName;
  readonly name: string;
  readonly issuer: string;
  readonly secret: string | undefined;
  readonly settings: ProviderSettings;
}

export type ProviderCheck =
  | { readonly kind: 'ok'; readonly provider: CheckedProvider }
  | { readonly kind: 'invalid'; readonly reason: string };

const idForm = /^[a-z0-9](?:-?[a-z0-9]){0,31}$/;
const maxNameCodePoints = 40;
const maxSecretCharacters = 8192;
/** The issuer of a generic OAuth 2.0 provider follows from its token endpoint, so that no text can claim another's. */
const oauth2Prefix = 'oauth2:';

class Refused extends Error {}

/** @param rules `production` forbids http. */
export function checkProvider(input: NewProvider, rules: { readonly production: boolean }): ProviderCheck {
  try {
    return { kind: 'ok', provider: check(input, rules.production) };
  } catch (error) {
    if (error instanceof Refused) return { kind: 'invalid', reason: error.message };
    throw error;
  }
}

function check(input: NewProvider, production: boolean): CheckedProvider {
  const { id, preset: presetName, secret } = input;
  if (!idForm.test(id) || id.length > 32)
    throw new Refused('The name must have at most 32 lowercase letters, digits and single hyphens, such as "google".');
  if (!isPresetName(presetName))
    throw new Refused(`There is no preset "${presetName}". Choose one of: ${presetNames.join(', ')}.`);
  const preset = presets[presetName];
  const settings = readSettings(input.settings);
  requireFit(presetName, preset, settings);
  requireSecret(preset, settings, secret);
  const issuer = issuerOf(presetName, preset, input, settings);
  const { allowPrivate } = settings;
  const addresses = [...(preset.kind === 'oidc' ? [issuer] : []), ...Object.values(settings.endpoints ?? {})];
  for (const address of addresses) requireAddress(address, { allowPrivate, production });
  return { id, preset: presetName, name: nameOf(input.name ?? preset.label), issuer, secret, settings };
}

function readSettings(given: NewProvider['settings']): ProviderSettings {
  const parsed = providerSettings.strict().safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new Refused(where === '' ? `${issue?.message}.` : `"${where}" is not valid: ${issue?.message}.`);
}

/** Rejects settings that the preset would ignore: the operator believes that they have an effect. */
function requireFit(name: PresetName, preset: Preset, settings: ProviderSettings): void {
  const onlyFor = (isSet: boolean, owner: string, isOwner: boolean) => {
    if (isSet && !isOwner) throw new Refused(`${owner} The preset "${name}" has no use for it.`);
  };
  const { tenants, apple, endpoints, emailDomains, nativeClientIds, scopes } = settings;
  onlyFor(tenants.length > 0, 'Tenants are for Microsoft.', name === 'microsoft');
  onlyFor(apple !== undefined, 'A team and a key are for Apple.', name === 'apple');
  onlyFor(endpoints !== undefined, 'Endpoints are for the preset "oauth2".', name === 'oauth2');
  onlyFor(emailDomains.length > 0, 'Email domains are for the preset "oidc".', name === 'oidc');
  const takesTokens = preset.nativeNonce !== undefined;
  onlyFor(nativeClientIds.length > 0, 'Client IDs of native applications need an OpenID provider.', takesTokens);
  if (name === 'microsoft' && tenants.length === 0)
    throw new Refused('Microsoft needs the IDs of the tenants whose users can sign in.');
  if (name === 'apple' && apple === undefined) throw new Refused('Apple needs the IDs of your team and of the key.');
  if (name === 'oauth2' && endpoints === undefined)
    throw new Refused('The preset "oauth2" needs the endpoints of authorization, token and profile.');
  if (preset.scopes.includes('openid') && scopes?.includes('openid') === false)
    throw new Refused('The scopes must include "openid".');
}

function requireSecret(preset: Preset, { apple }: ProviderSettings, secret: string | undefined): void {
  if (secret === undefined) {
    if (preset.clientAuthentication === 'negotiated') return;
    throw new Refused(`${preset.label} needs a client secret.`);
  }
  if (secret === '' || secret.length > maxSecretCharacters)
    throw new Refused('The client secret is empty or too long.');
  if (apple !== undefined && !isAppleKey(apple.keyId, secret))
    throw new Refused('The secret for Apple must be the content of the .p8 file that Apple issued.');
}

function isAppleKey(keyId: string, pem: string): boolean {
  try {
    return readAppleKey(keyId, pem).alg === 'ES256';
  } catch (error) {
    // OpenSSL's errors are ordinary ones: the text is no key, or not of this kind.
    if (error instanceof Error) return false;
    throw error;
  }
}

function issuerOf(name: PresetName, preset: Preset, { issuer }: NewProvider, settings: ProviderSettings): string {
  if (name === 'oauth2') {
    if (issuer !== undefined) throw new Refused('The issuer of the preset "oauth2" follows from its token endpoint.');
    return oauth2Prefix + new URL(settings.endpoints?.token ?? '').origin;
  }
  // GitLab can be self-hosted.
  if (preset.issuer !== undefined && name !== 'gitlab') {
    if (issuer !== undefined) throw new Refused(`The issuer of ${preset.label} is known. Leave it out.`);
    return preset.issuer;
  }
  const given = issuer ?? preset.issuer;
  if (given === undefined) throw new Refused('The preset "oidc" needs the issuer, such as https://idp.example.com.');
  return given;
}

const refusals = {
  malformed_url: 'is no URL',
  scheme_not_allowed: 'must begin with https:',
  credentials_in_url: 'contains a user name',
  port_not_allowed: 'has a port that belongs to another service',
  address_not_allowed: 'is an address of a private network',
} as const;

function requireAddress(address: string, rules: Parameters<typeof readDestination>[1]): void {
  // Microsoft's issuer is a template.
  const read = readDestination(address.replaceAll(/[{}]/g, ''), rules);
  if (read.kind === 'refused') throw new Refused(`${address} ${refusals[read.reason]}.`);
  const { search, hash } = read.url;
  if (search !== '' || hash !== '') throw new Refused(`${address} must have no query and no fragment.`);
}

function nameOf(text: string): string {
  const accepted = acceptText(text, maxNameCodePoints);
  if (accepted.kind === 'ok') return accepted.text;
  throw new Refused(`The name for people must have 1 to ${maxNameCodePoints} visible characters.`);
}
