import { decodeB64, encodeB64 } from './base64.ts';

/** Cost parameters of RFC 9106 §3.1; memory is in KiB. */
export type Argon2idParameters = {
  readonly memoryKib: number;
  readonly iterations: number;
  readonly parallelism: number;
};

export type Argon2idHash = Argon2idParameters & {
  readonly kind: 'argon2id';
  readonly salt: Buffer;
  readonly tag: Buffer;
};

/** The variants that RFC 9106 §4 does not recommend for passwords. Imported users have them. */
export type OldArgon2Hash = Argon2idParameters & { readonly kind: 'argon2i' | 'argon2d'; readonly tag: Buffer };

/** Version 0x13 (RFC 9106 §3.1) only, because 0x10 has known weaknesses. Decimal numbers have no leading zero. */
const form =
  /^\$(argon2(?:id|i|d))\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,7})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{16,86})$/;

const maxUint32 = 0xffff_ffff;
const maxParallelism = 0xff_ffff;

/**
 * Parses the PHC string of an Argon2id hash; returns null for every other text, including other encodings of a valid hash.
 * It does not limit the cost parameters; `acceptsImportedHash` does.
 */
export function parsePhc(text: string): Argon2idHash | null {
  const parsed = parse(text);
  return parsed === null || parsed.kind !== 'argon2id' ? null : { ...parsed, kind: 'argon2id' };
}

/** Parses the PHC string of an Argon2i or Argon2d hash; returns null for every other text. */
export function parseOldArgon2(text: string): OldArgon2Hash | null {
  const parsed = parse(text);
  if (parsed === null || parsed.kind === 'argon2id') return null;
  const { kind, memoryKib, iterations, parallelism, tag } = parsed;
  return { kind: kind === 'argon2i' ? 'argon2i' : 'argon2d', memoryKib, iterations, parallelism, tag };
}

function parse(text: string) {
  const match = form.exec(text);
  if (match === null) return null;
  const [, kind = '', memory, passes, lanes, saltText = '', tagText = ''] = match;
  const salt = decodeB64(saltText);
  const tag = decodeB64(tagText);
  if (salt === null || tag === null) return null;
  const parameters = { memoryKib: Number(memory), iterations: Number(passes), parallelism: Number(lanes) };
  return areWithinBounds(parameters) ? { kind, ...parameters, salt, tag } : null;
}

/** Writes an Argon2id hash in the one form that `parsePhc` accepts. */
export function formatPhc(hash: Omit<Argon2idHash, 'kind'>): string {
  const { memoryKib, iterations, parallelism, salt, tag } = hash;
  return `$argon2id$v=19$m=${memoryKib},t=${iterations},p=${parallelism}$${encodeB64(salt)}$${encodeB64(tag)}`;
}

/** RFC 9106 recommends a salt of 16 bytes (§3.1) and a tag of 32 (§4); shorter ones need a rehash. */
const recommendedSaltBytes = 16;
const recommendedTagBytes = 32;

/**
 * Whether a password that was just verified against this hash should be hashed again: always for another scheme.
 * Any difference from `parameters` counts, in either direction, so lowering the cost takes effect too.
 */
export function needsRehash(text: string, parameters: Argon2idParameters): boolean {
  const hash = parsePhc(text);
  if (hash === null) return true;
  return (
    hash.memoryKib !== parameters.memoryKib ||
    hash.iterations !== parameters.iterations ||
    hash.parallelism !== parameters.parallelism ||
    hash.salt.length < recommendedSaltBytes ||
    hash.tag.length < recommendedTagBytes
  );
}

/** RFC 9106 §3.1: at least 8 KiB per lane; memory and passes of 32 bits, lanes of 24. */
function areWithinBounds({ memoryKib, iterations, parallelism }: Argon2idParameters): boolean {
  return (
    memoryKib >= 8 * parallelism && memoryKib <= maxUint32 && iterations <= maxUint32 && parallelism <= maxParallelism
  );
}
