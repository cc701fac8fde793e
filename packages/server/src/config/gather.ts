/** Collects the value of each setting from the environment and the file, and reports unknown names. */
import { resolve } from 'node:path';
import { type Environment, readEnvironment } from './environment.ts';
import { nearest } from './nearest.ts';
import { type ProviderEntry, readProviderEntries } from './provider-entries.ts';
import type { Setting } from './schema.ts';
import { settings } from './schema.ts';
import { isOfStore, secretsOf, storeOf, storesReferredTo } from './secret-holders.ts';
import type { Given, Sources } from './sources.ts';

/** The section of the file that has no environment variables: identity providers by name. */
const providersSection = 'providers';

/** The setting that turns unknown settings into warnings. */
const unknownSettingsKey = 'unknownSettings';

/** An optional file in the working directory. */
export const configFileName = 'latchkey.config.json';

/** `given` maps a setting's key to its value. `invalid` has the keys whose value could not be read. */
export interface Gathered {
  readonly given: ReadonlyMap<string, Given>;
  readonly invalid: ReadonlySet<string>;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
  readonly secretFiles: readonly SecretFile[];
  /** Undefined: the file has no section for them. */
  readonly providers: readonly ProviderEntry[] | undefined;
  /** The environment with `.env`, which references name variables of. */
  readonly variables: Environment['variables'];
}

/** A file that a `…_FILE` variable names. */
export interface SecretFile {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/**
 * The environment takes precedence over `.env`, and both over the file. The settings of a secret store count only where a
 * setting refers to a secret of it: platforms set variables of these names for other programs.
 */
export function gather(sources: Sources): Gathered {
  const environment = readEnvironment(sources);
  const mistakes = [...environment.mistakes];
  const given = new Map<string, Given>();
  const { [providersSection]: section, ...file } = readConfigFile(sources, mistakes);
  const unknown = [...environment.unknown];
  collectFile(file, [], { given, mistakes, unknown });
  const entries = readProviderEntries(section, configFileName, sources);
  mistakes.push(...entries.mistakes);
  const collected: Collected = { given, invalid: new Set(), mistakes, secretFiles: [...entries.secretFiles] };
  for (const setting of settings.filter(({ key }) => !isOfStore(key)))
    collect(setting, environment, sources, collected);
  const used = storesReferredTo([...given.values(), ...secretsOf(entries.providers)]);
  for (const setting of settings.filter(({ key }) => isOfStore(key))) {
    if (used.has(storeOf(setting.key))) collect(setting, environment, sources, collected);
    else given.delete(setting.key);
  }
  // A rollback meets the settings of the later release, which this one does not know.
  const isRollback = given.get(unknownSettingsKey)?.value === 'warn';
  if (!isRollback) mistakes.push(...unknown);
  const warnings = isRollback ? [...environment.warnings, ...unknown] : environment.warnings;
  return { ...collected, warnings, variables: environment.variables, providers: entries.providers };
}

interface Collected {
  readonly given: Map<string, Given>;
  readonly invalid: Set<string>;
  readonly mistakes: string[];
  readonly secretFiles: SecretFile[];
}

function collect(setting: Setting, environment: Environment, sources: Sources, collected: Collected): void {
  const found = fromEnvironment(setting, environment, sources);
  if (found.kind === 'given') {
    const { file, kind: _kind, ...given } = found;
    collected.given.set(setting.key, given);
    if (file !== undefined) collected.secretFiles.push(file);
  }
  if (found.kind === 'mistake') {
    collected.mistakes.push(found.sentence);
    collected.given.delete(setting.key);
    collected.invalid.add(setting.key);
  }
}

type FromEnvironment =
  | { readonly kind: 'absent' }
  | ({ readonly kind: 'given'; readonly file?: SecretFile } & Given)
  | { readonly kind: 'mistake'; readonly sentence: string };

function fromEnvironment(setting: Setting, { variables }: Environment, sources: Sources): FromEnvironment {
  const { env: name, secret, decode } = setting;
  const text = variables.get(name);
  const path = secret ? variables.get(`${name}_FILE`) : undefined;
  if (text !== undefined && path !== undefined) {
    return { kind: 'mistake', sentence: `${name} and ${name}_FILE are both set. Remove one of them.` };
  }
  if (text !== undefined) return { kind: 'given', value: decode(text.value), name: text.name };
  return path === undefined ? { kind: 'absent' } : fromSecretFile(setting, path.value, sources);
}

function fromSecretFile(setting: Setting, path: string, sources: Sources): FromEnvironment {
  const name = `${setting.env}_FILE`;
  const file = { name, path: resolve(sources.cwd, path) };
  const content = sources.files(file.path);
  if (content.kind === 'absent') return { kind: 'mistake', sentence: `${name} names ${path}, which does not exist.` };
  if (content.kind === 'unreadable') {
    return { kind: 'mistake', sentence: `${name} names ${path}, which cannot be read (${content.reason}).` };
  }
  // Editors and "echo" append a line break that is not part of the secret.
  const text = content.text.replace(/\r?\n$/, '');
  return { kind: 'given', value: setting.decode(text), name: `The content of ${name}`, isContent: true, file };
}

function suggest(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant === undefined ? '.' : `. Did you mean ${meant}?`;
}

function readConfigFile({ files, cwd }: Sources, mistakes: string[]): Readonly<Record<string, unknown>> {
  const content = files(resolve(cwd, configFileName));
  if (content.kind === 'absent') return {};
  if (content.kind === 'unreadable') {
    mistakes.push(`${configFileName} cannot be read (${content.reason}).`);
    return {};
  }
  try {
    const file: unknown = JSON.parse(content.text);
    if (typeof file === 'object' && file !== null && !Array.isArray(file)) return { ...file };
    mistakes.push(`${configFileName} must be an object.`);
    return {};
  } catch (error) {
    // The parser's message quotes the text, which may contain a secret, so the message has the position only.
    const position = /line [0-9]+ column [0-9]+/.exec(String(error))?.[0];
    mistakes.push(`${configFileName} is not valid JSON${position === undefined ? '' : ` (${position})`}.`);
    return {};
  }
}

const keys = settings.map(({ key }) => key).filter((key) => key !== 'mode');
const byKey = new Map(settings.map((setting) => [setting.key, setting]));

interface FromFile {
  readonly given: Map<string, Given>;
  readonly mistakes: string[];
  readonly unknown: string[];
}

function collectFile(value: unknown, path: readonly string[], found: FromFile): void {
  const { given, mistakes, unknown } = found;
  const group = path.join('.');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    mistakes.push(`${inFile(group)} must be an object.`);
    return;
  }
  for (const [name, child] of Object.entries(value)) {
    const childPath = [...path, name];
    const key = childPath.join('.');
    if (key === 'mode') mistakes.push(`${inFile(key)} has no effect. Set NODE_ENV instead.`);
    else if (byKey.has(key)) given.set(key, { value: child, name: inFile(key) });
    else if (keys.some((known) => known.startsWith(`${key}.`))) collectFile(child, childPath, found);
    else unknown.push(`${inFile(key)} is not a setting${suggest(key, keys)}`);
  }
}

function inFile(key: string): string {
  return `${key} in ${configFileName}`;
}
