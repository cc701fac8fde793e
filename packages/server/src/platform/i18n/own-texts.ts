/** Messages of the operator, which replace ours. They are read once, at start: a wrong one must not wait for its reader. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argumentsOf, type Catalogue } from './catalogue.ts';

/** A file of the folder cannot be used. The message is a sentence for the operator. */
export class TextsUnusable extends Error {
  override name = 'TextsUnusable';
}

/**
 * The catalogues with the messages of `<locale>.json` of the folder in the place of ours.
 *
 * @throws TextsUnusable for an unknown language or key, or a message with other placeholders than ours.
 */
export function replaceTexts(ours: ReadonlyMap<string, Catalogue>, folder: string): Map<string, Catalogue> {
  const replaced = new Map(ours);
  for (const file of listFolder(folder)) {
    const locale = file.slice(0, -'.json'.length);
    const catalogue = ours.get(locale);
    const path = join(folder, file);
    if (catalogue === undefined) {
      throw new TextsUnusable(`${path} has no language of ours. There are ${[...ours.keys()].join(' and ')}.`);
    }
    const own = readTexts(path);
    for (const [key, message] of Object.entries(own)) {
      checkText({ path, locale, key, message }, Object.hasOwn(catalogue, key) ? catalogue[key] : undefined);
    }
    replaced.set(locale, { ...catalogue, ...(own as Catalogue) });
  }
  return replaced;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).filter((file) => file.endsWith('.json'));
  } catch (error) {
    throw new TextsUnusable(`The folder ${folder} cannot be read (${reasonOf(error)}).`);
  }
}

function readTexts(path: string): Readonly<Record<string, unknown>> {
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is not JSON' : reasonOf(error);
    throw new TextsUnusable(`${path} cannot be read (${reason}).`);
  }
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read as Record<string, unknown>;
  throw new TextsUnusable(`${path} must be an object of messages.`);
}

interface OwnText {
  readonly path: string;
  readonly locale: string;
  readonly key: string;
  readonly message: unknown;
}

function checkText({ path, locale, key, message }: OwnText, ours: string | undefined): void {
  if (ours === undefined) throw new TextsUnusable(`${path} has the key "${key}", which is not one of our messages.`);
  // A line break would end the subject of a mail.
  if (typeof message !== 'string' || message.trim() === '' || /\p{Cc}/u.test(message)) {
    throw new TextsUnusable(`"${key}" in ${path} must be a text of one line.`);
  }
  const [needed, used] = [namesIn(ours, locale), namesOf({ path, key }, message, locale)];
  const missing = needed.find((name) => !used.includes(name));
  if (missing !== undefined) throw new TextsUnusable(`"${key}" in ${path} lacks the placeholder {${missing}}.`);
  const extra = used.find((name) => !needed.includes(name));
  if (extra !== undefined)
    throw new TextsUnusable(`"${key}" in ${path} has the placeholder {${extra}}, which has no value.`);
}

/** The name of the service has a value in every message, and need not be used. */
function namesIn(message: string, locale: string): string[] {
  return argumentsOf(message, locale).filter((name) => name !== 'service');
}

function namesOf({ path, key }: Pick<OwnText, 'path' | 'key'>, message: string, locale: string): string[] {
  try {
    return namesIn(message, locale);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TextsUnusable(`"${key}" in ${path} has a placeholder that cannot be read (${error.message}).`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
