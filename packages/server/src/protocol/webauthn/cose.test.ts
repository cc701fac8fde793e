import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createCredential, signWith, type TestCredential } from '#test/webauthn/authenticator.ts';
import type { EncodableMap } from '#test/webauthn/cbor-encoder.ts';
import { encodeBase64url } from './base64url.ts';
import type { CborMap } from './cbor.ts';
import { type CoseAlgorithm, coseAlgorithms, importCoseKey, importSpki, verifySignature } from './cose.ts';
import { isOnEd25519, isOnP256 } from './curve-points.ts';

const credentials: Readonly<Record<CoseAlgorithm, TestCredential>> = {
  [-8]: createCredential(-8),
  [-7]: createCredential(-7),
  [-257]: createCredential(-257),
};

const importFrom = (map: EncodableMap) => importCoseKey(map as CborMap);
const withMembers = (algorithm: CoseAlgorithm, ...members: readonly (readonly [number, unknown])[]): EncodableMap =>
  new Map([...credentials[algorithm].coseKey, ...members] as never);
const reasonOf = (map: EncodableMap) => {
  const result = importFrom(map);
  return result.kind === 'ok' ? 'ok' : result.reason;
};

describe.each(coseAlgorithms)('a key of algorithm %i', (algorithm) => {
  const credential = credentials[algorithm];
  const message = Buffer.from('message');

  it('is imported as the same key', () => {
    const result = importFrom(credential.coseKey);
    expect(result).toMatchObject({ kind: 'ok', key: { algorithm, spki: credential.spki } });
  });

  it('verifies its signatures, and no others', () => {
    const key = importSpki(credential.spki);
    const signature = signWith(credential, message);
    expect(verifySignature(algorithm, key, message, signature)).toBe(true);
    expect(verifySignature(algorithm, key, Buffer.from('other'), signature)).toBe(false);
    expect(verifySignature(algorithm, key, message, Buffer.concat([signature, Buffer.of(0)]))).toBe(false);
    expect(verifySignature(algorithm, key, message, signature.subarray(1))).toBe(false);
    expect(verifySignature(algorithm, key, message, Buffer.alloc(0))).toBe(false);
  });

  it('is rejected without one of its members', () => {
    for (const label of [...credential.coseKey.keys()].filter((key) => key !== 3)) {
      expect(reasonOf(new Map([...credential.coseKey].filter(([key]) => key !== label)))).toBe('public_key');
    }
    expect(reasonOf(new Map([...credential.coseKey].filter(([key]) => key !== 3)))).toBe('algorithm');
  });

  it('is rejected with a further member', () => {
    expect(reasonOf(withMembers(algorithm, [2, Buffer.from('kid')]))).toBe('public_key');
    expect(reasonOf(withMembers(algorithm, [-4, Buffer.alloc(32)]))).toBe('public_key');
  });

  it('is rejected with another key type, and with the algorithm of another key', () => {
    for (const other of [1, 2, 3, 4].filter((kty) => kty !== credential.coseKey.get(1))) {
      expect(reasonOf(withMembers(algorithm, [1, other]))).toBe('public_key');
    }
    for (const other of coseAlgorithms.filter((alg) => alg !== algorithm)) {
      expect(reasonOf(withMembers(algorithm, [3, other]))).toBe('public_key');
    }
  });

  it.each([-19, -35, -36, -37, -47, -48, -65535, 0, '-7', null])('is rejected with the algorithm %j', (other) => {
    expect(reasonOf(withMembers(algorithm, [3, other]))).toBe('algorithm');
  });
});

describe('an ES256 key', () => {
  const { coseKey } = credentials[-7];
  const [x, y] = [coseKey.get(-2) as Buffer, coseKey.get(-3) as Buffer];

  it.each([
    ['another curve', [[-1, 2]]],
    ['the curve secp256k1', [[-1, 8]]],
    [
      'coordinates that are swapped',
      [
        [-2, y],
        [-3, x],
      ],
    ],
    ['a compressed point', [[-3, true]]],
    ['a short coordinate', [[-2, x.subarray(1)]]],
    ['a long coordinate', [[-2, Buffer.concat([Buffer.of(0), x])]]],
    [
      'the point at infinity',
      [
        [-2, Buffer.alloc(32)],
        [-3, Buffer.alloc(32)],
      ],
    ],
    ['coordinates as text', [[-2, x.toString('hex')]]],
  ] as const)('is rejected with %s', (_, members) => {
    expect(reasonOf(withMembers(-7, ...(members as readonly (readonly [number, unknown])[])))).toBe('public_key');
  });

  it('is rejected when it is no point of the curve, as OpenSSL judges too', () => {
    for (let bit = 0; bit < 256; bit += 17) {
      const changed = Buffer.from(y);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const jwk = { kty: 'EC', crv: 'P-256', x: encodeBase64url(x), y: encodeBase64url(changed) };
      expect(() => createPublicKey({ key: jwk, format: 'jwk' })).toThrow();
      expect(isOnP256(x, changed)).toBe(false);
      expect(reasonOf(withMembers(-7, [-3, changed]))).toBe('public_key');
    }
  });

  it('is rejected with a coordinate that is not reduced', () => {
    // x = 5 is a point; 5 + p has the same residue.
    const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
    const toBytes = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
    const root = 0x459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbccn;
    expect(isOnP256(toBytes(5n), toBytes(root))).toBe(true);
    expect(isOnP256(toBytes(5n + p), toBytes(root))).toBe(false);
  });
});

describe('an Ed25519 key', () => {
  const x = credentials[-8].coseKey.get(-2) as Buffer;
  const p = 2n ** 255n - 19n;
  const toBytes = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();

  it('is rejected with another curve', () => {
    for (const curve of [4, 5, 7, 1]) expect(reasonOf(withMembers(-8, [-1, curve]))).toBe('public_key');
  });

  it('is accepted with either sign', () => {
    const negated = Buffer.from(x);
    negated[31] = (negated[31] ?? 0) ^ 0x80;
    expect(reasonOf(withMembers(-8, [-2, negated]))).toBe('ok');
  });

  it('is rejected when y is not reduced, or has no x', () => {
    expect(isOnEd25519(toBytes(p + 3n))).toBe(false);
    expect(isOnEd25519(toBytes(2n))).toBe(false);
    const points = Array.from({ length: 64 }, (_, y) => isOnEd25519(toBytes(BigInt(y + 3))));
    expect(points.filter(Boolean).length).toBeGreaterThan(20);
    expect(points.filter((isPoint) => !isPoint).length).toBeGreaterThan(20);
  });

  // The y coordinates of the eight points whose order divides the cofactor 8 (RFC 8032 §5.1).
  it.each([
    ['1 (order 1)', 1n],
    ['−1 (order 2)', p - 1n],
    ['0 (order 4)', 0n],
    ['order 8', 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n],
    ['order 8, negated', p - 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n],
  ])('is rejected with the point of small order y = %s', (_, y) => {
    expect(isOnEd25519(toBytes(y))).toBe(false);
    expect(reasonOf(withMembers(-8, [-2, toBytes(y | (1n << 255n))]))).toBe('public_key');
  });
});

describe('an RS256 key', () => {
  const n = credentials[-257].coseKey.get(-1) as Buffer;

  it.each([
    ['a modulus of 2047 bits', [[-1, Buffer.concat([Buffer.of(0x7f), n.subarray(1)])]]],
    ['a modulus of 4097 bits', [[-1, Buffer.concat([Buffer.of(1), Buffer.alloc(512, 0xff)])]]],
    ['a leading zero', [[-1, Buffer.concat([Buffer.of(0), n])]]],
    ['an even modulus', [[-1, Buffer.concat([n.subarray(0, -1), Buffer.of(2)])]]],
    ['an empty modulus', [[-1, Buffer.alloc(0)]]],
    ['the exponent 1', [[-2, Buffer.of(1)]]],
    ['the exponent 3', [[-2, Buffer.of(3)]]],
    ['an even exponent', [[-2, Buffer.of(1, 0, 2)]]],
    ['an exponent with a leading zero', [[-2, Buffer.of(0, 1, 0, 1)]]],
    ['an exponent of five bytes', [[-2, Buffer.of(1, 0, 0, 0, 1)]]],
    ['an empty exponent', [[-2, Buffer.alloc(0)]]],
    ['an exponent that is a number', [[-2, 65_537]]],
  ] as const)('is rejected with %s', (_, members) => {
    expect(reasonOf(withMembers(-257, ...(members as readonly (readonly [number, unknown])[])))).toBe('public_key');
  });

  it('is accepted with 4096 bits', () => {
    expect(reasonOf(withMembers(-257, [-1, Buffer.alloc(512, 0xff)]))).toBe('ok');
  });
});
