/** The options of `latchkey provider add` that only some presets have. */
import { type CommandInput, type CommandOption, isGiven, textOf, UsageError } from './command.ts';

export const providerOptions = {
  scopes: { type: 'string', value: 'LIST', description: 'Replaces the scopes of the preset; separated by commas' },
  'email-domains': {
    type: 'string',
    value: 'LIST',
    description: 'For "oidc": domains whose verified emails need no confirmation here',
  },
  'allow-private': {
    type: 'boolean',
    description: 'Allow a provider in your own network and, outside production, http on this machine',
  },
  'trust-two-factors': {
    type: 'boolean',
    description: 'Count a sign-in with two factors there as one with two factors here',
  },
  'native-client-ids': {
    type: 'string',
    value: 'LIST',
    description: 'Client IDs of native applications whose ID tokens are accepted; separated by commas',
  },
  tenants: { type: 'string', value: 'LIST', description: 'For "microsoft": IDs of tenants, separated by commas' },
  'team-id': { type: 'string', value: 'ID', description: 'For "apple": the ID of your team' },
  'key-id': { type: 'string', value: 'ID', description: 'For "apple": the ID of the key in the .p8 file' },
  'authorization-endpoint': { type: 'string', value: 'URL', description: 'For "oauth2"' },
  'token-endpoint': { type: 'string', value: 'URL', description: 'For "oauth2"' },
  'profile-endpoint': { type: 'string', value: 'URL', description: 'For "oauth2": the profile of the person, in JSON' },
} as const satisfies Readonly<Record<string, CommandOption>>;

/** The settings of a provider, as its schema reads them. */
export function readSettings(input: CommandInput): Readonly<Record<string, unknown>> {
  const settings = {
    clientId: textOf(input, 'client-id') ?? '',
    scopes: listOf(input, 'scopes'),
    emailDomains: listOf(input, 'email-domains'),
    allowPrivate: isGiven(input, 'allow-private'),
    trustsTwoFactors: isGiven(input, 'trust-two-factors'),
    nativeClientIds: listOf(input, 'native-client-ids'),
    tenants: listOf(input, 'tenants'),
    apple: allOf(input, { teamId: 'team-id', keyId: 'key-id' }),
    endpoints: allOf(input, {
      authorization: 'authorization-endpoint',
      token: 'token-endpoint',
      profile: 'profile-endpoint',
    }),
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function listOf(input: CommandInput, name: string): readonly string[] | undefined {
  return textOf(input, name)
    ?.split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

export const providerChanges = {
  'no-allow-private': { type: 'boolean', description: 'Allow neither private addresses nor http any more' },
  'no-trust-two-factors': { type: 'boolean', description: 'Count every sign-in there as one factor' },
} as const satisfies Readonly<Record<string, CommandOption>>;

/** The settings that options name. An empty list is one; empty scopes are those of the preset again. */
export function readChangedSettings(input: CommandInput): Readonly<Record<string, unknown>> {
  const { scopes, ...settings } = readSettings(input) as { scopes?: readonly string[]; [name: string]: unknown };
  const changed = {
    ...settings,
    clientId: textOf(input, 'client-id'),
    allowPrivate: switched(input, 'allow-private'),
    trustsTwoFactors: switched(input, 'trust-two-factors'),
  };
  const given = Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined));
  if (scopes === undefined) return given;
  return { ...given, scopes: scopes.length === 0 ? undefined : scopes };
}

/** Undefined when neither the option nor its opposite is given. @throws UsageError when both are. */
function switched(input: CommandInput, name: string): boolean | undefined {
  const [isOn, isOff] = [isGiven(input, name), isGiven(input, `no-${name}`)];
  if (isOn && isOff) throw new UsageError(`Use --${name} or --no-${name}.`);
  return isOn || isOff ? isOn : undefined;
}

/** The values of options that belong together. @throws UsageError when some are missing. */
function allOf(input: CommandInput, names: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const entries = Object.entries(names).map(([member, name]) => [member, textOf(input, name)] as const);
  const given = entries.filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (given.length === 0) return undefined;
  if (given.length === entries.length) return Object.fromEntries(given);
  const options = Object.values(names).map((name) => `--${name}`);
  throw new UsageError(`Use ${options.join(', ')} together.`);
}
