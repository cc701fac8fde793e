import { hash } from 'node:crypto';
import { encodeCrypt64 } from './base64.ts';
import { isSameTag } from './tag.ts';

/**
 * SHA-256-crypt and SHA-512-crypt, "Unix crypt using SHA-256 and SHA-512" by Ulrich Drepper, version 0.6. Strings only,
 * so that a hash can be sent to a worker thread.
 */
export type ShaCryptHash = {
  readonly kind: 'sha-crypt';
  readonly digest: 'sha256' | 'sha512';
  readonly rounds: number;
  readonly salt: string;
  /** The last part of the text, in the encoding of crypt(3). */
  readonly encodedTag: string;
};

/**
 * The salt is printable ASCII. The last character has unused bits, which are zero. The specification limits the rounds to
 * 1,000 to 999,999,999.
 */
const sha256Form = /^\$5\$(?:rounds=([1-9][0-9]{3,8})\$)?([!-#%-9;-~]{0,16})\$([./0-9A-Za-z]{42}[./0-9A-D])$/;
const sha512Form = /^\$6\$(?:rounds=([1-9][0-9]{3,8})\$)?([!-#%-9;-~]{0,16})\$([./0-9A-Za-z]{85}[./01])$/;

const defaultRounds = 5000;

/** Parses a hash of either kind; returns null for every other text. The cost is not limited here. */
export function parseShaCrypt(text: string): ShaCryptHash | null {
  const sha256 = sha256Form.exec(text);
  const match = sha256 ?? sha512Form.exec(text);
  if (match === null) return null;
  const [, rounds, salt = '', encodedTag = ''] = match;
  return {
    kind: 'sha-crypt',
    digest: sha256 === null ? 'sha512' : 'sha256',
    rounds: rounds === undefined ? defaultRounds : Number(rounds),
    salt,
    encodedTag,
  };
}

/**
 * Each round hashes the whole password up to twice, so a long one multiplies the cost. musl has the same limit, and glibc
 * none.
 */
const maxPasswordBytes = 256;

/** Whether the hash is of this password. It takes about a microsecond per round, so it runs in a worker thread. */
export function matchesShaCrypt(parsed: ShaCryptHash, password: string): boolean {
  const key = Buffer.from(password, 'utf8');
  // C implementations read a password up to its first NUL.
  if (key.length > maxPasswordBytes || key.includes(0)) return false;
  const digest = (bytes: Buffer) => hash(parsed.digest, bytes, 'buffer');
  const salt = Buffer.from(parsed.salt, 'latin1');
  const first = firstDigest(key, salt, digest);
  const repeatedKey = fill(digest(Buffer.concat(Array.from(key, () => key))), key.length);
  const saltCopies = Array.from({ length: 16 + (first[0] ?? 0) }, () => salt);
  const repeatedSalt = fill(digest(Buffer.concat(saltCopies)), salt.length);
  const last = runRounds({ first, key: repeatedKey, salt: repeatedSalt, rounds: parsed.rounds }, digest);
  const encoded = encodeCrypt64(permute(last));
  return isSameTag(Buffer.from(encoded, 'latin1'), Buffer.from(parsed.encodedTag, 'latin1'));
}

type Digest = (bytes: Buffer) => Buffer;

/** Steps 1 to 12 of the specification. */
function firstDigest(key: Buffer, salt: Buffer, digest: Digest): Buffer {
  const alternate = digest(Buffer.concat([key, salt, key]));
  const parts = [key, salt, fill(alternate, key.length)];
  for (let bits = key.length; bits > 0; bits >>>= 1) parts.push((bits & 1) === 1 ? alternate : key);
  return digest(Buffer.concat(parts));
}

/** Repeats the bytes up to a length. */
function fill(bytes: Buffer, length: number): Buffer {
  return length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, bytes);
}

interface Rounds {
  readonly first: Buffer;
  readonly key: Buffer;
  readonly salt: Buffer;
  readonly rounds: number;
}

/** Step 21. The input has one of eight layouts; each is built once, so that a round only copies the last digest. */
function runRounds({ first, key, salt, rounds }: Rounds, digest: Digest): Buffer {
  const layouts = Array.from({ length: 8 }, (_, layout) => {
    const isOdd = (layout & 1) !== 0;
    const middle = [...((layout & 2) !== 0 ? [salt] : []), ...((layout & 4) !== 0 ? [key] : [])];
    const input = Buffer.concat(isOdd ? [key, ...middle, first] : [first, ...middle, key]);
    return { input, at: isOdd ? input.length - first.length : 0 };
  });
  let last = first;
  for (let round = 0; round < rounds; round += 1) {
    const layout = (round & 1) | (round % 3 === 0 ? 0 : 2) | (round % 7 === 0 ? 0 : 4);
    const { input, at } = layouts[layout] as (typeof layouts)[number];
    last.copy(input, at);
    last = digest(input);
  }
  return last;
}

/** Step 22: groups of three bytes, a third of the digest apart, rotated by one place from group to group. */
function permute(digest: Buffer): Buffer {
  const third = Math.floor(digest.length / 3);
  const isSha256 = digest.length === 32;
  const order: number[] = [];
  let group: readonly [number, number, number] = [0, third, 2 * third];
  for (let count = 0; count < third; count += 1) {
    const [a, b, c] = group;
    order.push(c, b, a);
    group = isSha256 ? [c + 1, a + 1, b + 1] : [b + 1, c + 1, a + 1];
  }
  order.push(...(isSha256 ? [30, 31] : [63]));
  return Buffer.from(order.map((at) => digest[at] ?? 0));
}
