/** Variants of a token that decode to the same bytes or verify the same; the verifier must reject all of them. */
import { sign } from 'node:crypto';
import { type SigningAlgorithm, type SigningKey, signJwt } from '#protocol/jose/index.ts';

export interface TokenVariant {
  readonly what: string;
  readonly text: string;
}

type Named = readonly (readonly [what: string, text: string])[];

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const p256Order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const ed25519Order = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Every variant that can be made without the key. */
export function tokenVariants(token: string): readonly TokenVariant[] {
  const parts = token.split('.');
  const all = [...padded(parts), ...withStrayBits(parts), ...withWhiteSpace(token), ...dotted(token, parts)];
  const others = [...serialized(parts), ...recoded(token), ...withOtherHeader(parts), ...withOtherSignature(parts)];
  return [...all, ...others].filter(([, text]) => text !== token).map(([what, text]) => ({ what, text }));
}

/** Tokens in other formats, signed with the key; the verifier accepts only the format that the product issues. */
export function malformedTokens(
  key: SigningKey,
  typ: string,
  claims: Readonly<Record<string, unknown>>,
): readonly TokenVariant[] {
  const headers: readonly (readonly [string, object])[] = [
    ['crit', { crit: ['exp'] }],
    ['b64', { b64: false, crit: ['b64'] }],
    ['b64 alone', { b64: true }],
    ['jku', { jku: 'https://evil.example/jwks.json' }],
    ['jwk', { jwk: { kty: 'oct', k: 'AAAA' } }],
    ['x5u', { x5u: 'https://evil.example/cert.pem' }],
    ['x5c', { x5c: ['MIIB'] }],
    ['zip', { zip: 'DEF' }],
    ['cty', { cty: 'JWT' }],
    ['nonce', { nonce: 'a' }],
    ['no type', { typ: undefined }],
    ['no key', { kid: undefined }],
    ['a list of keys', { kid: [key.kid] }],
    ['a number for the type', { typ: 1 }],
    ['__proto__', JSON.parse('{"__proto__":{"alg":"none"}}') as object],
  ];
  const shaped = headers.map(([what, more]) => ({
    what: `a header with ${what}`,
    text: signWithHeader(key, { alg: key.alg, kid: key.kid, typ, ...more }, claims),
  }));
  const types = ['JWT', 'AT+JWT', 'at+JWT', 'application/at+jwt', 'at+jwt ', 'rt+jwt', 'logout+jwt', 'dpop+jwt', ''];
  const typed = types.map((other) => ({ what: `the type "${other}"`, text: signJwt({ key, typ: other, claims }) }));
  return [...shaped, ...typed];
}

/** Signs claims under any header. With the product's own header the verifier accepts the token. */
export function signWithHeader(key: SigningKey, header: object, claims: Readonly<Record<string, unknown>>): string {
  const input = `${encode(JSON.stringify(header))}.${encode(JSON.stringify(claims))}`;
  const dsaEncoding = 'ieee-p1363' as const;
  const signature = sign(key.alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), {
    key: key.privateKey,
    dsaEncoding,
  });
  const s = toNumber(signature.subarray(32));
  const isHigh = key.alg === 'ES256' && 2n * s > p256Order;
  const lowS = isHigh ? Buffer.concat([signature.subarray(0, 32), toBytes(p256Order - s, 32)]) : signature;
  return `${input}.${encode(lowS)}`;
}

function encode(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64url');
}

function replaced(parts: readonly string[], place: number, text: string): string {
  return parts.map((part, index) => (index === place ? text : part)).join('.');
}

const names = ['header', 'payload', 'signature'];

function padded(parts: readonly string[]): Named {
  return parts.flatMap((part, place) =>
    ['=', '==', '%3D', '%3d%3d'].map((end): [string, string] => [
      `${end} after the ${names[place]}`,
      replaced(parts, place, part + end),
    ]),
  );
}

/** The last character of a part whose length is not a multiple of four has bits that decoders ignore. */
function withStrayBits(parts: readonly string[]): Named {
  return parts.flatMap((part, place) => {
    const unused = { 2: 4, 3: 2 }[part.length % 4];
    if (unused === undefined) return [];
    const last = alphabet.indexOf(part.at(-1) ?? '');
    return Array.from({ length: 2 ** unused - 1 }, (_, index): [string, string] => [
      `stray bits ${index + 1} in the ${names[place]}`,
      replaced(parts, place, part.slice(0, -1) + (alphabet[last + index + 1] ?? '')),
    ]);
  });
}

function withWhiteSpace(token: string): Named {
  const spaces = [' ', '\t', '\n', '\r\n', '\u0000', '\u00a0', '\u200b', '\ufeff'];
  const dot = token.indexOf('.');
  const places = [0, 1, dot, dot + 1, token.lastIndexOf('.'), token.length - 1, token.length];
  return spaces.flatMap((space) =>
    places.map((at): [string, string] => [
      `${JSON.stringify(space)} at ${at}`,
      token.slice(0, at) + space + token.slice(at),
    ]),
  );
}

function dotted(token: string, [header = '', payload = '', signature = '']: readonly string[]): Named {
  return [
    ['a leading dot', `.${token}`],
    ['a trailing dot', `${token}.`],
    ['a fourth part', `${token}.AAAA`],
    ['two dots', `${header}..${payload}.${signature}`],
    ['no first dot', `${header}${payload}.${signature}`],
    ['no last dot', `${header}.${payload}${signature}`],
    ['no signature', `${header}.${payload}.`],
    ['no signature and no dot', `${header}.${payload}`],
    ['a detached payload', `${header}..${signature}`],
    ['five parts, as an encrypted token has', `${header}.${payload}.${signature}.AAAA.AAAA`],
    ['a comma for a dot', `${header},${payload}.${signature}`],
    ['a full-width dot', `${header}\uff0e${payload}.${signature}`],
    ['the token twice', `${token},${token}`],
    ['parts in another order', `${payload}.${header}.${signature}`],
  ];
}

/** JSON serializations (RFC 7515 §7.2). */
function serialized([header, payload, signature]: readonly string[]): Named {
  return [
    ['flattened JSON', JSON.stringify({ protected: header, payload, signature })],
    ['general JSON', JSON.stringify({ payload, signatures: [{ protected: header, signature }] })],
    ['a JSON string', JSON.stringify([header, payload, signature].join('.'))],
    [
      'an additional unprotected header',
      JSON.stringify({ protected: header, header: { kid: 'k' }, payload, signature }),
    ],
  ];
}

function recoded(token: string): Named {
  return [
    ['the alphabet of base64', token.replaceAll('-', '+').replaceAll('_', '/')],
    ['percent-encoded dots', token.replaceAll('.', '%2E')],
    ['everything percent-encoded', token.replace(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`)],
    ['upper case', token.toUpperCase()],
    ['lower case', token.toLowerCase()],
    ['quotes', `"${token}"`],
    ['a duplicate scheme', `Bearer ${token}`],
    ['a full-width letter', token.replace('e', '\uff45')],
    ['base64url once more', encode(token)],
    ['hexadecimal', Buffer.from(token).toString('hex')],
  ];
}

/** The signature stays, so a verifier that parses and reserializes the header would accept these. */
function withOtherHeader(parts: readonly string[]): Named {
  const header = Buffer.from(parts[0] ?? '', 'base64url').toString();
  const read = JSON.parse(header) as { readonly alg: string; readonly kid: string; readonly typ: string };
  const { alg, kid, typ } = read;
  const texts: Named = [
    ['white space in the header', header.replaceAll(',', ', ')],
    ['a line end after the header', `${header}\n`],
    ['a byte order mark', `\ufeff${header}`],
    ['an escape in the header', header.replace('"alg"', '"\\u0061lg"')],
    ['another order', JSON.stringify({ typ, kid, alg })],
    ['a duplicate member', header.replace('{', '{"alg":"none",')],
    ['a duplicate member, the valid one first', header.replace('}', `,"alg":"none"}`)],
    ['names in capitals', header.replace('"alg"', '"ALG"')],
    ...['none', 'None', 'NONE', 'HS256', 'ES384', 'ES256K', 'PS256', 'Ed25519', alg.toLowerCase(), `${alg} `, ''].map(
      (other): [string, string] => [`the algorithm "${other}"`, JSON.stringify({ alg: other, kid, typ })],
    ),
    ...['', `${kid} `, `./${kid}`, '../../dev/null', `${kid}\u0000`, "' or 1=1 --"].map((other): [string, string] => [
      `the key "${other}"`,
      JSON.stringify({ alg, kid: other, typ }),
    ]),
  ];
  const none = `${encode(JSON.stringify({ alg: 'none', kid, typ }))}.${parts[1]}.`;
  const written = texts.map(([what, text]): [string, string] => [what, replaced(parts, 0, encode(text))]);
  return [...written, ['no signature and the algorithm none', none]];
}

function withOtherSignature(parts: readonly string[]): Named {
  const signature = Buffer.from(parts[2] ?? '', 'base64url');
  const { alg } = JSON.parse(Buffer.from(parts[0] ?? '', 'base64url').toString()) as { readonly alg: SigningAlgorithm };
  const half = signature.length / 2;
  const variants: readonly (readonly [string, Uint8Array])[] = [
    ['a zero before the signature', Buffer.concat([Buffer.of(0), signature])],
    ['a zero after the signature', Buffer.concat([signature, Buffer.of(0)])],
    ['a shorter signature', signature.subarray(0, -1)],
    ['a signature of zeros', Buffer.alloc(signature.length)],
    ['a signature with swapped halves', Buffer.concat([signature.subarray(half), signature.subarray(0, half)])],
    ['a reversed signature', Buffer.from(signature).reverse()],
    ...equivalentSignatures(alg, signature),
  ];
  return variants.map(([what, bytes]): [string, string] => [what, replaced(parts, 2, encode(bytes))]);
}

/** Signatures that verify as well, or did in some library. */
function equivalentSignatures(alg: SigningAlgorithm, signature: Buffer): readonly (readonly [string, Uint8Array])[] {
  if (alg === 'RS256') return [];
  const [first, second] = [signature.subarray(0, 32), signature.subarray(32)];
  if (alg === 'EdDSA') {
    const scalar = toNumber(Buffer.from(second).reverse()) + ed25519Order;
    return [['S + L (RFC 8032 §8.4)', Buffer.concat([first, toBytes(scalar, 32).reverse()])]];
  }
  const [r, s] = [toNumber(first), toNumber(second)];
  const der = (value: bigint) => Buffer.concat([Buffer.of(2, 33), toBytes(value, 33)]);
  return [
    ['n − s', Buffer.concat([first, toBytes(p256Order - s, 32)])],
    ['s + n', Buffer.concat([toBytes(r, 33), toBytes(s + p256Order, 33)])],
    ['DER', Buffer.concat([Buffer.of(0x30, 70), der(r), der(s)])],
    ['numbers of 33 bytes', Buffer.concat([toBytes(r, 33), toBytes(s, 33)])],
  ];
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
}
