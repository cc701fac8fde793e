/** The key-encryption key: it wraps the data keys and is never in the database. */
import { createHmac, createSecretKey, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { open, seal } from './envelope.ts';

/**
 * Wraps and unwraps key bytes. An interface of promises, so that the key may as well live in a Vault or a KMS that
 * never hands it out.
 */
export interface KeyEncryptionKey {
  /** Names the key without revealing anything of it; stored beside what it wrapped. */
  readonly id: string;
  wrap(bytes: Uint8Array, context: readonly string[]): Promise<Buffer>;
  /** Throws when this key did not wrap these bytes for this context. */
  unwrap(wrapped: Uint8Array, context: readonly string[]): Promise<Buffer>;
}

/** A key-encryption key or the keys it should open are not usable; the message is one sentence for the operator. */
export class KeysUnusable extends Error {
  override name = 'KeysUnusable';
}

const kekBytes = 32;

/** A key-encryption key in this process. */
export function localKek(key: KeyObject): KeyEncryptionKey {
  if (key.symmetricKeySize !== kekBytes) throw new KeysUnusable('the key-encryption key must have 32 bytes');
  const name = createHmac('sha256', key).update('latchkey key-encryption key id').digest('hex').slice(0, 32);
  const id = name.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return {
    id,
    wrap: async (bytes, context) => seal({ id, key }, bytes, context),
    unwrap: async (wrapped, context) => open({ id, key }, wrapped, context),
  };
}

/**
 * The key-encryption key of a data directory, made there when there is none: the file `kek`, mode 0600, base64.
 * For development only: a key beside the data that it protects protects it from nobody who has both.
 *
 * @throws KeysUnusable when the file cannot be read or written, or holds no key.
 */
export function kekOfDirectory(directory: string): KeyEncryptionKey {
  const path = join(directory, 'kek');
  try {
    return localKek(parse(readFileSync(path, 'utf8'), path));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw unusable(path, error);
  }
  try {
    createFile(path);
    return localKek(parse(readFileSync(path, 'utf8'), path));
  } catch (error) {
    throw unusable(path, error);
  }
}

function parse(text: string, path: string): KeyObject {
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length !== kekBytes || bytes.toString('base64') !== text.trim()) {
    throw new KeysUnusable(`${path} does not hold a key-encryption key (32 bytes in base64); restore it from a copy`);
  }
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/**
 * Written whole and flushed under another name first: `link` refuses an existing name, so of two processes that start
 * at once one wins and neither ever reads half a key.
 */
function createFile(path: string): void {
  const draft = `${path}.${randomUUID()}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `${randomBytes(kekBytes).toString('base64')}\n`);
    fsyncSync(file);
    linkSync(draft, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    closeSync(file);
    unlinkSync(draft);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function unusable(path: string, error: unknown): KeysUnusable {
  if (error instanceof KeysUnusable) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new KeysUnusable(`the key-encryption key ${path} cannot be read or created (${code})`, { cause: error });
}
