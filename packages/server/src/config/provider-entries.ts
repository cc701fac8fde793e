/**
 * The section `providers` of the settings file: identity providers by name. Their settings are checked where the presets are
 * known, when they are applied.
 */
import { resolve } from 'node:path';
import type { Sources } from './sources.ts';

/** An identity provider as the file has it. */
export interface ProviderEntry {
  readonly id: string;
  readonly preset: string;
  readonly name: string | undefined;
  readonly issuer: string | undefined;
  readonly secret: string | undefined;
  /** The secret is the content of a file, and never a reference. */
  readonly isContent?: true;
  /** The other members. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ProviderEntries {
  /** Undefined: the file has no such section, so it manages no provider. */
  readonly providers: readonly ProviderEntry[] | undefined;
  readonly secretFiles: readonly { readonly name: string; readonly path: string }[];
  readonly mistakes: readonly string[];
}

type Members = Readonly<Record<string, unknown>>;

/** Reads the section. `value` is what the file has there, undefined when it has none. */
export function readProviderEntries(value: unknown, fileName: string, sources: Sources): ProviderEntries {
  if (value === undefined) return { providers: undefined, secretFiles: [], mistakes: [] };
  if (!isObject(value))
    return { providers: [], secretFiles: [], mistakes: [`providers in ${fileName} must be an object.`] };
  const read = Object.entries(value).map(([id, entry]) =>
    readEntry(id, entry, { place: `providers.${id} in ${fileName}`, sources }),
  );
  return {
    providers: read.flatMap(({ entry }) => entry ?? []),
    secretFiles: read.flatMap(({ secretFile }) => secretFile ?? []),
    mistakes: read.flatMap(({ mistake }) => mistake ?? []),
  };
}

interface ReadEntry {
  readonly entry?: ProviderEntry;
  readonly secretFile?: { readonly name: string; readonly path: string };
  readonly mistake?: string;
}

interface EntryContext {
  readonly place: string;
  readonly sources: Sources;
}

function readEntry(id: string, value: unknown, context: EntryContext): ReadEntry {
  const { place } = context;
  if (!isObject(value)) return { mistake: `${place} must be an object.` };
  const { preset, name, issuer, clientSecret, clientSecretFile, ...settings } = value;
  const texts = { preset, name, issuer, clientSecret, clientSecretFile };
  const wrong = Object.entries(texts).find(([, text]) => text !== undefined && typeof text !== 'string');
  if (wrong !== undefined) return { mistake: `${wrong[0]} of ${place} must be a text.` };
  const { preset: presetName, ...others } = texts as Readonly<Record<keyof typeof texts, string | undefined>>;
  if (presetName === undefined) return { mistake: `${place} needs a preset, such as "google" or "oidc".` };
  const secret = readSecret(others, context);
  if ('mistake' in secret) return secret;
  const entry = { id, preset: presetName, name: others.name, issuer: others.issuer, secret: secret.text, settings };
  return secret.file === undefined ? { entry } : { entry: { ...entry, isContent: true }, secretFile: secret.file };
}

type Secret =
  | { readonly text: string | undefined; readonly file?: { readonly name: string; readonly path: string } }
  | { readonly mistake: string };

function readSecret(
  given: { readonly clientSecret: string | undefined; readonly clientSecretFile: string | undefined },
  { place, sources }: EntryContext,
): Secret {
  const { clientSecret, clientSecretFile } = given;
  if (clientSecretFile === undefined) return { text: clientSecret };
  if (clientSecret !== undefined) return { mistake: `${place} has both clientSecret and clientSecretFile.` };
  const path = resolve(sources.cwd, clientSecretFile);
  const content = sources.files(path);
  const name = `clientSecretFile of ${place}`;
  if (content.kind === 'absent') return { mistake: `${name} names ${clientSecretFile}, which does not exist.` };
  if (content.kind === 'unreadable')
    return { mistake: `${name} names ${clientSecretFile}, which cannot be read (${content.reason}).` };
  // Editors and "echo" append a line break that is not part of the secret.
  return { text: content.text.replace(/\r?\n$/, ''), file: { name, path } };
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
