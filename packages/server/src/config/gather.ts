/** Collects the value of each setting from the environment and the file, and reports unknown names. */
import { resolve } from 'node:path';
import { type Environment, readEnvironment } from './environment.ts';
import { nearest } from './nearest.ts';
import { type ProviderEntry, readProviderEntries } from './provider-entries.ts';
import type { Setting } from './schema.ts';
import { settings } from './schema.ts';
import type { Given, Sources } from './sources.ts';

/** The section of the file that has no environment variables: identity providers by name. */
const providersSection = 'providers';

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
}

/** A file that a `…_FILE` variable names. */
export interface SecretFile {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/** The environment takes precedence over `.env`, and both over the file. */
export function gather(sources: Sources): Gathered {
  const environment = readEnvironment(sources);
  const mistakes = [...environment.mistakes];
  const given = new Map<string, Given>();
  const invalid = new Set<string>();
  const secretFiles: SecretFile[] = [];
  const { [providersSection]: section, ...file } = readConfigFile(sources, mistakes);
  collectFile(file, [], given, mistakes);
  const entries = readProviderEntries(section, configFileName, sources);
  mistakes.push(...entries.mistakes);
  secretFiles.push(...entries.secretFiles);
  for (const setting of settings) {
    const found = fromEnvironment(setting, environment, sources);
    if (found.kind === 'given') {
      given.set(setting.key, found);
      if (found.file !== undefined) secretFiles.push(found.file);
    }
    if (found.kind === 'mistake') {
      mistakes.push(found.sentence);
      given.delete(setting.key);
      invalid.add(setting.key);
    }
  }
  const { providers } = entries;
  return { given, invalid, mistakes, warnings: environment.warnings, secretFiles, providers };
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
  return { kind: 'given', value: setting.decode(text), name: `The content of ${name}`, file };
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

function collectFile(value: unknown, path: readonly string[], given: Map<string, Given>, mistakes: string[]): void {
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
    else if (keys.some((known) => known.startsWith(`${key}.`))) collectFile(child, childPath, given, mistakes);
    else mistakes.push(`${inFile(key)} is not a setting${suggest(key, keys)}`);
  }
}

function inFile(key: string): string {
  return `${key} in ${configFileName}`;
}
