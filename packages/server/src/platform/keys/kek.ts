/** The key-encryption key (KEK). It wraps the data keys and is never stored in the database. */
import { createHmac, createSecretKey, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { open, seal } from './envelope.ts';

/**
 * Wraps and unwraps key bytes. It is asynchronous so that a key service (Vault, a cloud KMS), which never exports its key,
 * can implement it.
 */
export interface KeyEncryptionKey {
  /** Identifies the key without revealing it; stored with each key that it wrapped. */
  readonly id: string;
  wrap(bytes: Uint8Array, context: readonly string[]): Promise<Buffer>;
  /** Throws when this key did not wrap these bytes for this context. */
  unwrap(wrapped: Uint8Array, context: readonly string[]): Promise<Buffer>;
}

/** The KEK, or the data keys that it should unwrap, cannot be used. The message is for the operator. */
export class KeysUnusable extends Error {
  override name = 'KeysUnusable';
}

const kekBytes = 32;

/** A KEK in the memory of this process. Its id is derived from the key. */
export function localKek(key: KeyObject): KeyEncryptionKey {
  if (key.symmetricKeySize !== kekBytes) throw new KeysUnusable('The key-encryption key must have 32 bytes.');
  const name = createHmac('sha256', key).update('latchkey key-encryption key id').digest('hex').slice(0, 32);
  const id = name.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return {
    id,
    wrap: async (bytes, context) => seal({ id, key }, bytes, context),
    unwrap: async (wrapped, context) => open({ id, key }, wrapped, context),
  };
}

/**
 * Reads the KEK of a data directory: the file `kek`, mode 0600, base64.
 * For development only: a copy of the directory would contain both the data and its key.
 *
 * @throws KeysUnusable when the file is missing, cannot be read, or is malformed.
 */
export function readKekOfDirectory(directory: string): KeyEncryptionKey {
  const path = join(directory, 'kek');
  try {
    return localKek(parse(readFileSync(path, 'utf8'), path));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new KeysUnusable(missing(path), { cause: error });
    throw unusable(path, error);
  }
}

function missing(path: string): string {
  return (
    `The key-encryption key ${path} does not exist. Restore it from your copy, set LATCHKEY_KEK, ` +
    'or set LATCHKEY_DATA_DIR to the data directory of your server.'
  );
}

/**
 * Reads the KEK of a data directory, and generates it first if it is missing.
 *
 * @throws KeysUnusable when the file cannot be read or written, or is malformed.
 */
export function createKekOfDirectory(directory: string): KeyEncryptionKey {
  const path = join(directory, 'kek');
  if (!existsSync(path)) {
    try {
      createFile(path);
    } catch (error) {
      throw unusable(path, error);
    }
  }
  return readKekOfDirectory(directory);
}

function parse(text: string, path: string): KeyObject {
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length !== kekBytes || bytes.toString('base64') !== text.trim()) {
    throw new KeysUnusable(`${path} is not a key-encryption key (32 bytes in base64). Restore it from a backup.`);
  }
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/**
 * Writes and flushes the key under a temporary name, then links it. `link` fails for an existing name, so of two
 * concurrent processes one succeeds, and neither reads a partly written key.
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
  return new KeysUnusable(`The key-encryption key ${path} cannot be read or created (${code}).`, { cause: error });
}
