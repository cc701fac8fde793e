/**
 * The ciphertext format of all sealed values: AES-256-GCM (NIST SP 800-38D).
 *
 *     version (1 byte, 0x01) ‖ key id (16) ‖ nonce (12, random) ‖ ciphertext ‖ tag (16)
 *
 * Version, key id and context (table, column, row) are authenticated as associated data.
 * With random 96-bit nonces a key may encrypt 2^32 values before the probability of a collision exceeds 2^-32
 * (SP 800-38D §8.3). Data keys are rotated long before; a user key encrypts at most a few values per login.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { AssertionFailed, assert } from '#kernel/assert.ts';
import { isUuid } from '#kernel/ids.ts';
import type { AssociatedData } from './keys.ts';

const cipher = 'aes-256-gcm';
const version = 1;
const idBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const headerBytes = 1 + idBytes;
/** Of the length before each part of a context. */
const lengthBytes = 4;

/** Bytes by which a ciphertext is longer than its plaintext. */
export const envelopeBytes = headerBytes + nonceBytes + tagBytes;

/** A key with its UUID, which its ciphertexts contain. */
export interface NamedKey {
  readonly id: string;
  /** With a KeyObject, encryption takes a third of the time that it takes with a Buffer. */
  readonly key: KeyObject;
}

/** Encrypts with a random nonce, so that equal plaintexts have different ciphertexts. */
export function seal({ id, key }: NamedKey, plaintext: string | Uint8Array, context: readonly string[]): Buffer {
  assert(isUuid(id), 'a key id must be a UUID');
  const header = Buffer.allocUnsafe(headerBytes);
  header[0] = version;
  header.write(id.replaceAll('-', ''), 1, 'hex');
  const nonce = randomBytes(nonceBytes);
  const encryption = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes });
  encryption.setAAD(Buffer.concat([header, encodeContext(context)]));
  const body = typeof plaintext === 'string' ? encryption.update(plaintext, 'utf8') : encryption.update(plaintext);
  return Buffer.concat([header, nonce, body, encryption.final(), encryption.getAuthTag()]);
}

/** Decrypts. @throws AssertionFailed unless `seal` made the ciphertext with the same key and context. */
export function open({ id, key }: NamedKey, ciphertext: Uint8Array, context: readonly string[]): Buffer {
  if (readKeyId(ciphertext) !== id)
    throw new AssertionFailed(`the ciphertext for ${context.join('.')} has another key id`);
  const bytes = asBuffer(ciphertext);
  const nonceEnd = headerBytes + nonceBytes;
  const bodyEnd = bytes.length - tagBytes;
  const decryption = createDecipheriv(cipher, key, bytes.subarray(headerBytes, nonceEnd), { authTagLength: tagBytes });
  decryption.setAAD(Buffer.concat([bytes.subarray(0, headerBytes), encodeContext(context)]));
  decryption.setAuthTag(bytes.subarray(bodyEnd));
  const plaintext = decryption.update(bytes.subarray(nonceEnd, bodyEnd));
  try {
    decryption.final();
  } catch (cause) {
    throw new AssertionFailed(`the ciphertext for ${context.join('.')} is not authentic`, { cause });
  }
  return plaintext;
}

/** The key id in a ciphertext. @throws AssertionFailed when the bytes do not have the envelope format. */
export function readKeyId(ciphertext: Uint8Array): string {
  assert(ciphertext.length >= envelopeBytes && ciphertext[0] === version, 'the bytes are not an envelope');
  const hex = asBuffer(ciphertext).toString('hex', 1, headerBytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The parts that an envelope authenticates. */
export function contextOf({ table, column, row }: AssociatedData): readonly string[] {
  return [table, column, row];
}

/** Prefixes each part with its length, so that different lists have different encodings. */
export function encodeContext(parts: readonly string[]): Buffer {
  const lengths = parts.map((part) => Buffer.byteLength(part));
  const encoded = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + lengthBytes + length, 0));
  let at = 0;
  for (const [index, part] of parts.entries()) {
    at = encoded.writeUInt32BE(lengths[index] as number, at);
    at += encoded.write(part, at);
  }
  return encoded;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
