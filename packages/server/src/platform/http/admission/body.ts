/** Parsers of bodies: JSON for the API, forms for pages. They are strict and repair nothing. */
import type { Readable } from 'node:stream';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { isUtf8Type } from './media-type.ts';

/** The strict parser of `protocol/strict-json`, passed in: platform does not import protocol. */
export type ParseJson = (text: string) =>
  | { readonly kind: 'ok'; readonly value: unknown }
  | {
      readonly kind: 'invalid';
      readonly reason: 'syntax' | 'duplicate_key' | 'forbidden_key' | 'too_deep';
      /** In UTF-16 code units. */
      readonly offset: number;
    };

const reasons: Readonly<Record<'syntax' | 'duplicate_key' | 'forbidden_key' | 'too_deep', ProblemCode>> = {
  syntax: 'malformed_json',
  duplicate_key: 'duplicate_key',
  forbidden_key: 'forbidden_key',
  too_deep: 'too_deep',
};

/** Whether a content type is JSON in UTF-8. */
export function isJsonType(contentType: string | undefined): boolean {
  return (
    contentType === 'application/json' || (contentType !== undefined && isUtf8Type(contentType, 'application/json'))
  );
}

/** Whether a content type is a form in UTF-8. */
export function isFormType(contentType: string | undefined): boolean {
  return contentType !== undefined && isUtf8Type(contentType, 'application/x-www-form-urlencoded');
}

// Without `stream` a decoder has no state. It keeps a byte order mark, which JSON then rejects.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as text; throws `malformed_request` unless they are UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new Problem('malformed_request', { log: 'the body is not UTF-8', cause });
  }
}

/** A JSON text as a value; throws the problem of its first fault. */
export function readJson(text: string, parseJson: ParseJson): unknown {
  const result = parseJson(text);
  if (result.kind === 'ok') return result.value;
  throw new Problem(reasons[result.reason], { advice: positionOf(text, result.offset) });
}

/** The position of a fault, without a word of the text, which may be a password. */
function positionOf(text: string, offset: number): string {
  if (text === '') return 'The body is empty.';
  const before = text.slice(0, offset).split('\n');
  return `See line ${before.length}, column ${(before.at(-1) ?? '').length + 1}.`;
}

const pairLimit = 64;

/**
 * `application/x-www-form-urlencoded` (WHATWG URL §5.1), for forms and queries, but strict: a repeated name, an escape that
 * is not UTF-8, or more than 64 pairs is `malformed_request`. A pair without `=` has an empty value.
 */
export function readForm(text: string): Record<string, string> {
  const pairs = text === '' ? [] : text.split('&', pairLimit + 1);
  if (pairs.length > pairLimit) throw new Problem('malformed_request', { log: 'too many pairs' });
  return readPairs(pairs);
}

/**
 * The pairs of a page's query with these names, as strictly as `readForm`. Any others are skipped unread: mail services and
 * trackers append to links.
 *
 * @param names contain no character that a form escapes.
 */
export function readKnownPairs(text: string, names: ReadonlySet<string>): Record<string, string> {
  return readPairs(text.split('&').filter((pair) => names.has(nameOf(pair))));
}

function readPairs(pairs: readonly string[]): Record<string, string> {
  const read: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of pairs) {
    const rawName = nameOf(pair);
    const name = unescapeForm(rawName);
    if (name === '__proto__') throw new Problem('forbidden_key');
    if (name in read) throw new Problem('malformed_request', { log: 'a name is repeated' });
    read[name] = unescapeForm(pair.slice(rawName.length + 1));
  }
  return read;
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  return equals < 0 ? pair : pair.slice(0, equals);
}

function unescapeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new Problem('malformed_request', { log: 'an escape is not UTF-8', cause });
  }
}

// A body that is too large is read up to here: closing the connection of a client that still sends resets it, and the
// client would lose the response.
const discardLimit = 4 * 1024 * 1024;

/**
 * All bytes of a body.
 * Throws `body_too_large` beyond `limit`, after it has read and dropped the rest.
 */
export function readBytes(stream: Readable, limit: number): Promise<Buffer> {
  // With `optimizeEmptyRequests` a request without a body emits no events.
  if (stream.readableEnded) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const stop = (error: unknown): void => {
      stream.removeAllListeners('data');
      reject(error as Error);
    };
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else chunks.length = 0;
      if (length > discardLimit) stop(new Problem('body_too_large'));
    });
    stream.once('error', (cause) => stop(new Problem('malformed_request', { log: 'the body is incomplete', cause })));
    stream.once('end', () => {
      if (length > limit) stop(new Problem('body_too_large'));
      else resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
  });
}
