/**
 * Test vectors of Project Wycheproof. They have no `typ` and no claims, so verifyJwt rejects the valid ones too. Therefore
 * the tests also check that jose alone accepts the valid and rejects the invalid ones.
 */
import { constants, privateEncrypt } from 'node:crypto';
import { compactVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import vectors from '#test/vectors/wycheproof-jws.json' with { type: 'json' };
import {
  generateSigningKeyPair,
  importVerifyKey,
  type PublicJwk,
  type SigningKey,
  signingAlgorithms,
  signJwt,
  type VerifyKey,
  verifyJwt,
} from './index.ts';

const nowSeconds = 1_800_000_000;
const claims = { iss: 'https://id.example', aud: 'https://api.example', iat: nowSeconds, exp: nowSeconds + 900 };

async function outcomeOf(key: VerifyKey, token: string): Promise<string> {
  const verification = await verifyJwt(token, {
    keys: () => key,
    alg: signingAlgorithms,
    typ: 'at+jwt',
    issuer: claims.iss,
    audience: claims.aud,
    now: new Date(nowSeconds * 1000),
    clockToleranceSeconds: 0,
  });
  return verification.kind === 'ok' ? 'ok' : verification.reason;
}

describe.each(vectors.testGroups)('group $comment', ({ public: jwk, tests }) => {
  const key = importVerifyKey(jwk as PublicJwk);

  it('has valid and invalid vectors', () => {
    expect(tests.filter(({ result }) => result === 'valid')).toHaveLength(1);
    expect(tests.length).toBeGreaterThan(12);
  });

  it.each(tests)('$tcId $comment is $result', async ({ jws, result }) => {
    expect(await outcomeOf(key, jws)).not.toBe('ok');
    const verified = compactVerify(jws, key.publicKey, { algorithms: [key.alg] });
    if (result === 'valid') expect(Buffer.from((await verified).payload).toString()).toBe('foo');
    else await expect(verified).rejects.toThrow();
  });
});

describe('our token with the signature of a vector', () => {
  it('is rejected for all r and s', async () => {
    const key = await generateSigningKeyPair('ES256');
    const token = signJwt({ key, typ: 'at+jwt', claims });
    expect(await outcomeOf(key, token)).toBe('ok');
    const signatures = vectors.testGroups.flatMap(({ tests }) => tests.map(({ jws }) => jws.split('.')[2] ?? ''));
    for (const signature of signatures) {
      const text = `${token.slice(0, token.lastIndexOf('.'))}.${signature}`;
      expect(['malformed', 'signature']).toContain(await outcomeOf(key, text));
    }
  });
});

/** A DER element. `length` overrides the encoded length bytes. */
function element(tag: number, content: Uint8Array, length: readonly number[] = [content.length]): Buffer {
  return Buffer.concat([Buffer.of(tag, ...length), content]);
}

const digestBytes = 32;
const sha256 = Buffer.from('608648016503040201', 'hex');
const sha1 = Buffer.from('2b0e03021a', 'hex');
const nul = Buffer.of(5, 0);

/** `DigestInfo` of RFC 8017 §9.2, with some parts or length bytes overridden. */
function digestInfo(
  digest: Uint8Array,
  parts: Partial<Record<'oid' | 'nul' | 'octets' | 'end', Uint8Array>> = {},
  lengths: { readonly outer?: readonly number[]; readonly inner?: readonly number[] } = {},
): Buffer {
  const algorithm = element(0x30, Buffer.concat([parts.oid ?? element(6, sha256), parts.nul ?? nul]), lengths.inner);
  const content = Buffer.concat([algorithm, parts.octets ?? element(4, digest), parts.end ?? Buffer.alloc(0)]);
  return element(0x30, content, lengths.outer);
}

/** The padded block of the modulus' length: `lead`, `fill` bytes, a zero byte, `content`, and `trailing` further bytes. */
function block(
  modulusBytes: number,
  content: Uint8Array,
  trailing = 0,
  lead: readonly number[] = [0, 1],
  fill = 0xff,
): Buffer {
  const filler = Buffer.alloc(modulusBytes - lead.length - 1 - content.length - trailing, fill);
  return Buffer.concat([Buffer.from(lead), filler, Buffer.of(0), content, Buffer.alloc(trailing, 0x5a)]);
}

/**
 * The kinds of modified padding in Wycheproof's group rs256, signed with our own key. A lenient parser accepts some of
 * them (Bleichenbacher's signature forgery of 2006 and its variants).
 */
function modifiedPaddings(digest: Buffer, bytes: number): readonly (readonly [string, Buffer])[] {
  const right = digestInfo(digest);
  const longForm = [0x81, right.length - 2];
  return [
    ['a length in the long form', block(bytes, digestInfo(digest, {}, { outer: longForm }))],
    ['a length with a leading zero', block(bytes, digestInfo(digest, {}, { outer: [0x82, 0, right.length - 2] }))],
    ['a length that is too large by one', block(bytes, digestInfo(digest, {}, { outer: [right.length - 1] }))],
    ['a length that is too small by one', block(bytes, digestInfo(digest, {}, { outer: [right.length - 3] }))],
    ['an indefinite length', block(bytes, digestInfo(digest, { end: Buffer.of(0, 0) }, { outer: [0x80] }))],
    [
      'a length of 2^32 and more',
      block(bytes, digestInfo(digest, {}, { outer: [0x85, 1, 0, 0, 0, right.length - 2] })),
    ],
    ['an inner length in the long form', block(bytes, digestInfo(digest, {}, { inner: [0x81, 13] }))],
    ['no parameters', block(bytes, digestInfo(digest, { nul: Buffer.alloc(0) }))],
    ['parameters in the long form', block(bytes, digestInfo(digest, { nul: Buffer.of(5, 0x81, 0) }))],
    ['parameters with garbage', block(bytes, digestInfo(digest, { nul: Buffer.of(5, 2, 1, 2) }))],
    ['parameters of another type', block(bytes, digestInfo(digest, { nul: Buffer.of(4, 0) }))],
    ['another algorithm', block(bytes, digestInfo(digest, { oid: element(6, sha1) }))],
    [
      'an algorithm with a longer arc',
      block(bytes, digestInfo(digest, { oid: element(6, Buffer.concat([sha256, Buffer.of(1)])) })),
    ],
    [
      'an algorithm with a leading zero in its arc',
      block(bytes, digestInfo(digest, { oid: element(6, Buffer.concat([Buffer.of(0x80), sha256])) })),
    ],
    ['garbage in the sequence', block(bytes, digestInfo(digest, { end: Buffer.of(4, 2, 1, 2) }))],
    ['zeros in the sequence', block(bytes, digestInfo(digest, { end: Buffer.of(0, 0) }))],
    ['a digest of another type', block(bytes, digestInfo(digest, { octets: element(3, digest) }))],
    [
      'a longer digest',
      block(bytes, digestInfo(digest, { octets: element(4, Buffer.concat([digest, Buffer.of(0)])) })),
    ],
    ['a shorter digest', block(bytes, digestInfo(digest, { octets: element(4, digest.subarray(1)) }))],
    ['an empty digest', block(bytes, digestInfo(digest, { octets: element(4, Buffer.alloc(0)) }))],
    ['a constructed digest', block(bytes, digestInfo(digest, { octets: element(0x24, element(4, digest)) }))],
    ['the digest alone', block(bytes, digest)],
    ['an empty content', block(bytes, Buffer.alloc(0))],
    ['trailing garbage and eight bytes of filler', block(bytes, right, bytes - right.length - 11)],
    ['trailing garbage', block(bytes, right, 16)],
    ['one trailing byte', block(bytes, right, 1)],
    ['a block of type 0', block(bytes, right, 0, [0, 0], 0)],
    ['a block of type 2', block(bytes, right, 0, [0, 2], 0xaa)],
    ['another filler', block(bytes, right, 0, [0, 1], 0xfe)],
    ['a zero in the filler', Buffer.concat([Buffer.of(0, 1, 0xff, 0), block(bytes - 4, right, 0, [0xff])])],
    [
      'no zero before the content',
      Buffer.concat([Buffer.of(0, 1), Buffer.alloc(bytes - 2 - right.length, 0xff), right]),
    ],
  ];
}

describe('an RS256 signature with modified padding', () => {
  it('is rejected for every kind of modification; correct padding made in the same way is accepted', async () => {
    const key: SigningKey = await generateSigningKeyPair('RS256');
    const input = signJwt({ key, typ: 'at+jwt', claims }).split('.').slice(0, 2).join('.');
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(input)));
    expect(digest).toHaveLength(digestBytes);
    const sign = (padded: Buffer): string => {
      const signature = privateEncrypt({ key: key.privateKey, padding: constants.RSA_NO_PADDING }, padded);
      return `${input}.${signature.toString('base64url')}`;
    };
    expect(await outcomeOf(key, sign(block(256, digestInfo(digest))))).toBe('ok');
    for (const [what, padded] of modifiedPaddings(digest, 256)) {
      expect([what, padded.length]).toEqual([what, 256]);
      expect([what, await outcomeOf(key, sign(padded))]).toEqual([what, 'signature']);
    }
  });
});
