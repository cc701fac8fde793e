import type { BcryptHash } from './bcrypt.ts';
import type { IteratedDigestHash } from './matching.ts';
import type { PasswordHash } from './parse.ts';
import type { Pbkdf2Digest, Pbkdf2Hash } from './pbkdf2.ts';
import type { PlainDigestHash } from './plain-digest.ts';

/** The estimated cost of one comparison, for one core of a server without instructions for SHA. */
export type HashCost = { readonly milliseconds: number; readonly memoryKib: number };

/**
 * Measured on Node 24 with OpenSSL 3 and rounded up: per 2^cost of bcrypt, per KiB and pass of Argon2, per block (128 bytes
 * times r) and lane of scrypt, per round of the crypt functions.
 */
const unitMilliseconds = { bcrypt: 0.055, argon2: 0.0003, scrypt: 0.000_35, shaCrypt: 0.001, phpass: 0.0009 } as const;

/** Per iteration and block of output. With instructions for SHA, SHA-1 and SHA-256 take a third of it. */
const pbkdf2Milliseconds: Readonly<Record<Pbkdf2Digest, number>> = { sha1: 0.0003, sha256: 0.0004, sha512: 0.0004 };
const digestBytes: Readonly<Record<Pbkdf2Digest, number>> = { sha1: 20, sha256: 32, sha512: 64 };

/** One login with a more expensive hash would occupy a slot of the hash queue for longer than a client waits. */
const limit: HashCost = { milliseconds: 1000, memoryKib: 128 * 1024 };

/** Estimates the cost of comparing one password of ordinary length with the hash. */
export function estimateCost(hash: PasswordHash): HashCost {
  if ('memoryKib' in hash) {
    const { memoryKib, iterations } = hash;
    return { milliseconds: unitMilliseconds.argon2 * memoryKib * iterations, memoryKib };
  }
  if ('log2n' in hash) {
    const { log2n, blockSize, parallelism } = hash;
    const n = 2 ** log2n;
    // PBKDF2 before and after (RFC 7914 §6) is the larger part when N is small.
    const milliseconds = unitMilliseconds.scrypt * (n + 5) * blockSize * parallelism;
    return { milliseconds, memoryKib: (n * blockSize) / 8 };
  }
  return { milliseconds: estimateMilliseconds(hash), memoryKib: 0 };
}

/** The time of the schemes that need at most a few kilobytes. */
function estimateMilliseconds(hash: BcryptHash | Pbkdf2Hash | IteratedDigestHash | PlainDigestHash): number {
  switch (hash.kind) {
    case 'bcrypt':
      return unitMilliseconds.bcrypt * 2 ** hash.cost;
    case 'pbkdf2':
      return pbkdf2Milliseconds[hash.digest] * hash.iterations * Math.ceil(hash.tag.length / digestBytes[hash.digest]);
    case 'sha-crypt':
      return unitMilliseconds.shaCrypt * hash.rounds;
    case 'phpass':
      return unitMilliseconds.phpass * hash.rounds;
    case 'plain-digest':
      return 0;
  }
}

/** Whether one comparison takes at most about one second and 128 MiB. */
export function isAffordable(hash: PasswordHash): boolean {
  const { milliseconds, memoryKib } = estimateCost(hash);
  return milliseconds <= limit.milliseconds && memoryKib <= limit.memoryKib;
}
