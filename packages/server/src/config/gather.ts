/** Collects the value of each setting from the environment and the file, and reports unknown names. */
import { resolve } from 'node:path';
import type { FileReader } from './files.ts';
import { nearest } from './nearest.ts';
import type { Setting } from './schema.ts';
import { notYetSupported, settings } from './schema.ts';

/** An optional file in the working directory. */
export const configFileName = 'latchkey.config.json';

/** The inputs of the configuration. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: FileReader;
  /** Working directory, absolute. It contains the file, and relative paths start here. */
  readonly cwd: string;
}

/** A configured value, and its source as messages name it. */
export interface Given {
  readonly value: unknown;
  readonly name: string;
}

/** `given` maps a setting's key to its value. `invalid` has the keys whose value could not be read. */
export interface Gathered {
  readonly given: ReadonlyMap<string, Given>;
  readonly invalid: ReadonlySet<string>;
  readonly mistakes: readonly string[];
}

/** The environment takes precedence over the file; an empty variable counts as not set. */
export function gather(sources: Sources): Gathered {
  const mistakes = findUnknownVariables(sources.env);
  const given = new Map<string, Given>();
  const invalid = new Set<string>();
  collectFile(readConfigFile(sources, mistakes), [], given, mistakes);
  for (const setting of settings) {
    const found = fromEnvironment(setting, sources);
    if (found.kind === 'given') given.set(setting.key, found);
    if (found.kind === 'mistake') {
      mistakes.push(found.sentence);
      given.delete(setting.key);
      invalid.add(setting.key);
    }
  }
  return { given, invalid, mistakes };
}

type FromEnvironment =
  | { readonly kind: 'absent' }
  | ({ readonly kind: 'given' } & Given)
  | { readonly kind: 'mistake'; readonly sentence: string };

function fromEnvironment(setting: Setting, sources: Sources): FromEnvironment {
  const { env: name, secret, decode } = setting;
  const text = sources.env[name] || undefined;
  const path = secret ? sources.env[`${name}_FILE`] || undefined : undefined;
  if (text !== undefined && path !== undefined) {
    return { kind: 'mistake', sentence: `${name} and ${name}_FILE are both set. Remove one of them.` };
  }
  if (text !== undefined) return { kind: 'given', value: decode(text), name };
  return path === undefined ? { kind: 'absent' } : fromSecretFile(setting, path, sources);
}

function fromSecretFile(setting: Setting, path: string, sources: Sources): FromEnvironment {
  const name = `${setting.env}_FILE`;
  const content = sources.files(resolve(sources.cwd, path));
  if (content.kind === 'absent') return { kind: 'mistake', sentence: `${name} names ${path}, which does not exist.` };
  if (content.kind === 'unreadable') {
    return { kind: 'mistake', sentence: `${name} names ${path}, which cannot be read (${content.reason}).` };
  }
  // Editors and "echo" append a line break that is not part of the secret.
  const text = content.text.replace(/\r?\n$/, '');
  return { kind: 'given', value: setting.decode(text), name: `The content of ${name}` };
}

const variables = settings.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]));

// Kubernetes sets these variables for each Service of the namespace, and a Service may be named latchkey.
const serviceLink = /^LATCHKEY_(SERVICE_(HOST|PORT(_\w+)?)|PORT_[0-9]+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/;

function findUnknownVariables(env: Sources['env']): string[] {
  const unknown = Object.keys(env).filter((name) => env[name] && !variables.includes(name) && !serviceLink.test(name));
  return unknown.flatMap((name) => {
    if (notYetSupported.includes(name.replace(/_FILE$/, ''))) return [`${name} is not supported yet. Remove it.`];
    return name.startsWith('LATCHKEY_') ? [describeUnknown(name)] : [];
  });
}

function describeUnknown(name: string): string {
  const base = name.replace(/_FILE$/, '');
  if (variables.includes(base))
    return `${name} is not a setting, because ${base} is not a secret. Set ${base} instead.`;
  return `${name} is not a setting${suggest(name, variables)}`;
}

function suggest(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant === undefined ? '.' : `. Did you mean ${meant}?`;
}

function readConfigFile({ files, cwd }: Sources, mistakes: string[]): unknown {
  const content = files(resolve(cwd, configFileName));
  if (content.kind === 'absent') return {};
  if (content.kind === 'unreadable') {
    mistakes.push(`${configFileName} cannot be read (${content.reason}).`);
    return {};
  }
  try {
    return JSON.parse(content.text);
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
    mistakes.push(group === '' ? `${configFileName} must be an object.` : `${inFile(group)} must be an object.`);
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
