import { decodeBase64 } from './base64.ts';
import { type Pbkdf2Digest, type Pbkdf2Hash, pbkdf2Hash } from './pbkdf2.ts';

/** Base64 of bytes that start with the version, 0 or 1: the first character is always "A". */
const form = /^A[A-Za-z0-9+/]{27,399}={0,2}$/;

/** KeyDerivationPrf of ASP.NET Core: 0 is HMAC-SHA-1, 1 is HMAC-SHA-256, 2 is HMAC-SHA-512. */
const digests: readonly Pbkdf2Digest[] = ['sha1', 'sha256', 'sha512'];

const version2 = { saltBytes: 16, tagBytes: 32, iterations: 1000 } as const;
const version3HeaderBytes = 13;

/** Parses a hash of ASP.NET Identity, version 2 or 3; returns null for every other text. */
export function parseAspnetIdentity(text: string): Pbkdf2Hash | null {
  if (!form.test(text)) return null;
  const bytes = decodeBase64(text);
  if (bytes === null) return null;
  if (bytes[0] === 0) return parseVersion2(bytes);
  return bytes[0] === 1 && bytes.length > version3HeaderBytes ? parseVersion3(bytes) : null;
}

/** 0x00, salt, tag; always HMAC-SHA-1 with 1,000 iterations. */
function parseVersion2(bytes: Buffer): Pbkdf2Hash | null {
  const { saltBytes, tagBytes, iterations } = version2;
  if (bytes.length !== 1 + saltBytes + tagBytes) return null;
  return pbkdf2Hash('sha1', iterations, bytes.subarray(1, 1 + saltBytes), bytes.subarray(1 + saltBytes));
}

/** 0x01, then PRF, iterations and length of the salt as big-endian 32-bit numbers, salt, tag. */
function parseVersion3(bytes: Buffer): Pbkdf2Hash | null {
  const digest = digests[bytes.readUInt32BE(1)];
  if (digest === undefined) return null;
  const saltEnd = version3HeaderBytes + bytes.readUInt32BE(9);
  if (saltEnd > bytes.length) return null;
  return pbkdf2Hash(
    digest,
    bytes.readUInt32BE(5),
    bytes.subarray(version3HeaderBytes, saltEnd),
    bytes.subarray(saltEnd),
  );
}
