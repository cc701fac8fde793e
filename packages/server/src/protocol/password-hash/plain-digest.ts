import { hash } from 'node:crypto';
import { decodeB64, decodeBase64 } from './base64.ts';
import { isSameTag } from './tag.ts';

/** One call of a digest over password and salt: the schemes of LDAP, and the tables of old applications. */
export type PlainDigestHash = {
  readonly kind: 'plain-digest';
  readonly digest: DigestName;
  readonly order: 'password' | 'salt-password' | 'password-salt';
  readonly salt: Buffer;
  readonly tag: Buffer;
};

const digestBytes = { md5: 16, sha1: 20, sha256: 32, sha512: 64 } as const;

type DigestName = keyof typeof digestBytes;

const maxSaltBytes = 128;

/** RFC 2307 §5.3 for the unsalted ones; OpenLDAP's pw-sha2 and 389 Directory Server for the others. */
const ldapForm = /^\{(S?)(MD5|SHA|SHA256|SHA512)\}([A-Za-z0-9+/]{22,258}={0,2})$/;

const ldapDigests = { MD5: 'md5', SHA: 'sha1', SHA256: 'sha256', SHA512: 'sha512' } as const;

/** Parses `{SHA}`, `{SSHA}`, `{MD5}`, `{SMD5}` and the same with 256 and 512; returns null for every other text. */
export function parseLdap(text: string): PlainDigestHash | null {
  const match = ldapForm.exec(text);
  if (match === null) return null;
  const bytes = decodeBase64(match[3] ?? '');
  const digest = ldapDigests[match[2] as keyof typeof ldapDigests];
  const length = digestBytes[digest];
  if (bytes === null || bytes.length < length) return null;
  const [tag, salt] = [bytes.subarray(0, length), bytes.subarray(length)];
  if ((match[1] === 'S') !== salt.length > 0 || salt.length > maxSaltBytes) return null;
  return { kind: 'plain-digest', digest, order: match[1] === 'S' ? 'password-salt' : 'password', salt, tag };
}

/**
 * `$hex-<digest>$password$<hex>`, `$hex-<digest>$salt-password$<salt>$<hex>` or `…$password-salt$<salt>$<hex>`: a form of
 * this product for digests that are stored as lower-case hexadecimal. It names the order in which the digest reads
 * password and salt; the salt is base64 without padding.
 */
const hexForm =
  /^\$hex-(md5|sha1|sha256|sha512)\$(?:(password)|(salt-password|password-salt)\$([A-Za-z0-9+/]{2,171}))\$([0-9a-f]{32,128})$/;

/** Parses the hexadecimal form; returns null for every other text. */
export function parseHexDigest(text: string): PlainDigestHash | null {
  const match = hexForm.exec(text);
  if (match === null) return null;
  const [, digest, unsalted, salted, saltText = '', hex = ''] = match;
  const name = digest as DigestName;
  const salt = decodeB64(saltText);
  const tag = Buffer.from(hex, 'hex');
  if (salt === null || 2 * digestBytes[name] !== hex.length) return null;
  const order = (unsalted ?? salted) as PlainDigestHash['order'];
  return { kind: 'plain-digest', digest: name, order, salt, tag };
}

/** Whether the hash is of this password. */
export function matchesPlainDigest({ digest, order, salt, tag }: PlainDigestHash, password: string): boolean {
  const key = Buffer.from(password, 'utf8');
  const input = order === 'salt-password' ? [salt, key] : [key, salt];
  return isSameTag(hash(digest, Buffer.concat(input), 'buffer'), tag);
}
