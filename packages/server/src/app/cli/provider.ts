/** `latchkey provider`: the identity providers that people can sign in with. */
import { type IdentityProvider, ProviderRefusal } from '#domain/identity-providers/index.ts';
import { addProvider, removeById, setEnabled, setProvider } from '#flows/admin-identity-providers/index.ts';
import { OperatorError } from '../operator-error.ts';
import type { Services } from '../wiring.ts';
import { operator } from './actor.ts';
import {
  type CommandInput,
  type CommandIo,
  type CommandOption,
  type CommandResult,
  type ServiceCommand,
  textOf,
  UsageError,
} from './command.ts';
import { providerChanges, providerOptions, readChangedSettings, readSettings } from './provider-options.ts';
import { inColumns } from './table.ts';

const addCommand: ServiceCommand = {
  needs: 'services',
  name: 'provider add',
  summary: 'Add an identity provider; people see it on the sign-in page at once',
  arguments: ['NAME'],
  options: {
    preset: {
      type: 'string',
      value: 'PRESET',
      description: 'Such as "google" or "oidc"; all are in docs/guides/identity-providers.md',
      required: true,
    },
    'client-id': { type: 'string', value: 'ID', description: 'The client ID that the provider issued', required: true },
    'client-secret-stdin': {
      type: 'boolean',
      description: 'Read the client secret, or the .p8 file from Apple, from standard input',
    },
    issuer: { type: 'string', value: 'URL', description: 'For "oidc" and for your own GitLab' },
    label: { type: 'string', value: 'TEXT', description: 'The name that people read (default: that of the preset)' },
    ...providerOptions,
  },
  run: add,
};

const setCommand: ServiceCommand = {
  needs: 'services',
  name: 'provider set',
  summary: 'Change the client secret or settings of a provider; what is not named stays',
  arguments: ['NAME'],
  options: {
    'client-id': { type: 'string', value: 'ID', description: 'The client ID that the provider issued' },
    'client-secret-stdin': addCommand.options['client-secret-stdin'] as CommandOption,
    label: { type: 'string', value: 'TEXT', description: 'The name that people read' },
    ...providerOptions,
    ...providerChanges,
  },
  run: set,
};

export const providerCommands: readonly ServiceCommand[] = [
  addCommand,
  setCommand,
  {
    needs: 'services',
    name: 'provider list',
    summary: 'List the identity providers',
    arguments: [],
    options: {},
    run: list,
  },
  {
    needs: 'services',
    name: 'provider disable',
    summary: 'Stop sign-ins with a provider at once; sessions stay',
    arguments: ['NAME'],
    options: {},
    run: (input, services) => enable(input, services, false),
  },
  {
    needs: 'services',
    name: 'provider enable',
    summary: 'Allow sign-ins with a disabled provider again',
    arguments: ['NAME'],
    options: {},
    run: (input, services) => enable(input, services, true),
  },
  {
    needs: 'services',
    name: 'provider remove',
    summary: 'Remove a provider; the identities of accounts stay, and work again with the same issuer',
    arguments: ['NAME'],
    options: {},
    run: remove,
  },
  {
    needs: 'services',
    name: 'provider test',
    summary: 'Connect to a provider, without signing in',
    arguments: ['NAME'],
    options: {},
    run: test,
  },
];

async function add(input: CommandInput, services: Services, io: CommandIo): Promise<CommandResult> {
  const id = input.arguments[0] ?? '';
  const outcome = await addProvider(flowOf(services), operator, {
    id,
    preset: textOf(input, 'preset') ?? '',
    name: textOf(input, 'label'),
    issuer: textOf(input, 'issuer'),
    secret: input.options['client-secret-stdin'] === true ? await readSecret(io) : undefined,
    settings: readSettings(input),
  });
  if (outcome.kind === 'invalid') throw new UsageError(outcome.reason);
  if (outcome.kind === 'taken')
    throw new OperatorError(`A provider with the name "${id}" or the issuer ${outcome.issuer} exists already.`, 1);
  const { name, issuer } = outcome.provider;
  const callbackUrl = callbackOf(services, id);
  const lines = [
    `Added ${name} (${issuer}).`,
    `Enter this callback URL at the provider: ${callbackUrl}`,
    `Then run "latchkey provider test ${id}".`,
  ];
  return { exitCode: 0, text: lines.join('\n'), data: { id, name, issuer, callbackUrl } };
}

async function set(input: CommandInput, services: Services, io: CommandIo): Promise<CommandResult> {
  const id = input.arguments[0] ?? '';
  const change = {
    name: textOf(input, 'label'),
    secret: input.options['client-secret-stdin'] === true ? await readSecret(io) : undefined,
    settings: readChangedSettings(input),
  };
  if (change.name === undefined && change.secret === undefined && Object.keys(change.settings).length === 0)
    throw new UsageError('Name what to change, such as --client-secret-stdin.');
  const outcome = await setProvider(flowOf(services), operator, id, change);
  if (outcome.kind === 'unknown') throw new OperatorError(`There is no identity provider "${id}".`, 1);
  if (outcome.kind === 'managed')
    throw new OperatorError(`"${id}" is in the settings file. Change it there, and restart.`, 1);
  if (outcome.kind === 'invalid') throw new UsageError(outcome.reason);
  const { name } = outcome.provider;
  const isChanged = outcome.kind === 'changed';
  const text = isChanged ? `Changed ${name}.` : `${name} has these settings already.`;
  return { exitCode: 0, text, data: { id, name, changed: isChanged } };
}

async function readSecret(io: CommandIo): Promise<string> {
  const text = await io.readInput();
  if (text === undefined) throw new UsageError('--client-secret-stdin needs the client secret on standard input.');
  // `echo` and text files append a line break that is not part of the secret.
  return text.replace(/\r?\n$/, '');
}

async function list(_: CommandInput, { identityProviders }: Services): Promise<CommandResult> {
  await identityProviders.refresh();
  const providers = identityProviders.all().map(({ id, preset, name, issuer, enabled }) => {
    return { id, preset, name, issuer, enabled, managedBy: identityProviders.managerOf(id) ?? 'operator' };
  });
  const rows = providers.map(({ id, preset, enabled, managedBy, name, issuer }) => [
    id,
    preset,
    enabled ? 'enabled' : 'disabled',
    managedBy === 'settings' ? 'settings file' : 'command line',
    name,
    issuer,
  ]);
  const text = rows.length === 0 ? 'There are no identity providers.' : inColumns(rows);
  return { exitCode: 0, text, data: { providers } };
}

async function enable(input: CommandInput, services: Services, enabled: boolean): Promise<CommandResult> {
  const { id, name } = await find(input, services);
  const isChanged = await setEnabled(flowOf(services), operator, { id, enabled });
  const state = enabled ? 'enabled' : 'disabled';
  const text = isChanged ? `${name} is ${state}.` : `${name} was ${state} already.`;
  return { exitCode: 0, text, data: { id, enabled } };
}

async function remove(input: CommandInput, services: Services): Promise<CommandResult> {
  const { id, name } = await find(input, services);
  if (services.identityProviders.managerOf(id) === 'settings')
    throw new OperatorError(`"${id}" is in the settings file. Remove it there, or disable it.`, 1);
  await removeById(flowOf(services), operator, id);
  return { exitCode: 0, text: `Removed ${name}.`, data: { id, removed: true } };
}

async function test(input: CommandInput, services: Services): Promise<CommandResult> {
  const provider = await find(input, services);
  const callbackUrl = callbackOf(services, provider.id);
  const { authorizationEndpoint } = await probe(services, provider);
  const lines = [
    `${provider.name} responds.`,
    `  Issuer: ${provider.issuer}`,
    `  Sign-in page: ${authorizationEndpoint}`,
    `  Callback URL: ${callbackUrl}`,
    'The client ID and the client secret are checked by the first sign-in.',
  ];
  const data = { id: provider.id, issuer: provider.issuer, authorizationEndpoint, callbackUrl };
  return { exitCode: 0, text: lines.join('\n'), data };
}

async function probe({ providerClient }: Services, provider: IdentityProvider) {
  try {
    return await providerClient.probe(provider);
  } catch (error) {
    if (error instanceof ProviderRefusal) throw new OperatorError(`The test failed: ${error.message}.`, 1);
    throw error;
  }
}

async function find(input: CommandInput, { identityProviders }: Services): Promise<IdentityProvider> {
  const id = input.arguments[0] ?? '';
  await identityProviders.refresh();
  const provider = identityProviders.byId(id);
  if (provider === undefined) throw new OperatorError(`There is no identity provider "${id}".`, 1);
  return provider;
}

function callbackOf({ config }: Services, id: string): string {
  return `${config.http.publicUrl}/login/with/${id}/callback`;
}

function flowOf(services: Services) {
  return { ...services, production: services.config.mode === 'production' };
}
