import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeB64 } from './base64.ts';
import { isSameTag } from './tag.ts';

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

/** Cost parameters of RFC 7914 §2; N is 2 to the power of `log2n`. */
export type ScryptParameters = { readonly log2n: number; readonly blockSize: number; readonly parallelism: number };

export type ScryptHash = ScryptParameters & { readonly kind: 'scrypt'; readonly salt: Buffer; readonly tag: Buffer };

/** PHC string format with the parameters `ln`, `r` and `p`, as passlib and RustCrypto write it. */
const form =
  /^\$scrypt\$ln=([1-9]|[12][0-9]|3[01]),r=([1-9][0-9]{0,4}),p=([1-9][0-9]{0,4})\$([A-Za-z0-9+/]{2,172})\$([A-Za-z0-9+/]{22,171})$/;

/** Parses a scrypt hash; returns null for every other text. The cost is not limited here. */
export function parseScrypt(text: string): ScryptHash | null {
  const match = form.exec(text);
  if (match === null) return null;
  const salt = decodeB64(match[4] ?? '');
  const tag = decodeB64(match[5] ?? '');
  if (salt === null || tag === null) return null;
  const [log2n, blockSize, parallelism] = [Number(match[1]), Number(match[2]), Number(match[3])];
  // RFC 7914 §2: N is less than 2^(128 * r / 8), and r * p less than 2^30.
  if (log2n >= 16 * blockSize || blockSize * parallelism >= 2 ** 30) return null;
  return { kind: 'scrypt', log2n, blockSize, parallelism, salt, tag };
}

/** Bytes of memory that scrypt allocates (RFC 7914 §5 and §6). */
function scryptBytes({ log2n, blockSize, parallelism }: ScryptParameters): number {
  return 128 * blockSize * (2 ** log2n + parallelism + 2);
}

/** Computes scrypt in the thread pool. The caller limits the cost. */
export function computeScrypt(
  password: string,
  salt: Buffer,
  parameters: ScryptParameters,
  bytes: number,
): Promise<Buffer> {
  const { log2n, blockSize, parallelism } = parameters;
  return derive(password, salt, bytes, {
    N: 2 ** log2n,
    r: blockSize,
    p: parallelism,
    // The default of 32 MiB refuses common parameters.
    maxmem: scryptBytes(parameters),
  });
}

/** Whether the hash is of this password. */
export async function matchesScrypt(hash: ScryptHash, password: string): Promise<boolean> {
  return isSameTag(await computeScrypt(password, hash.salt, hash, hash.tag.length), hash.tag);
}
