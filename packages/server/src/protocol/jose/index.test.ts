import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { jwtVerify, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { hasLowS } from './ecdsa-signature.ts';
import {
  exportPrivateKey,
  exportPublicJwk,
  generateSigningKeyPair,
  importSigningKey,
  importVerifyKey,
  jwkThumbprint,
  type SigningAlgorithm,
  type SigningKey,
  signingAlgorithms,
  signJwt,
  verifyJwt,
} from './index.ts';
import { signBytes } from './sign.ts';

const nowSeconds = 1_800_000_000;
const now = new Date(nowSeconds * 1000);
const issuer = 'https://id.example';
const audience = 'https://api.example';
const claims = { iss: issuer, aud: audience, sub: 's', jti: 'j', iat: nowSeconds, exp: nowSeconds + 900 };

const keys = new Map<SigningAlgorithm, SigningKey>();

beforeAll(async () => {
  for (const alg of signingAlgorithms) keys.set(alg, await generateSigningKeyPair(alg));
});

function keyFor(alg: SigningAlgorithm): SigningKey {
  const key = keys.get(alg);
  if (key === undefined) throw new Error(`no ${alg} key`);
  return key;
}

function verify(token: string, expected: Partial<Parameters<typeof verifyJwt>[1]> = {}): ReturnType<typeof verifyJwt> {
  return verifyJwt(token, {
    keys: (kid) => [...keys.values()].find((key) => key.kid === kid),
    alg: 'ES256',
    typ: 'at+jwt',
    issuer,
    audience,
    now,
    clockToleranceSeconds: 0,
    ...expected,
  });
}

async function outcomeOf(
  changed: Record<string, unknown>,
  expected: Parameters<typeof verify>[1] = {},
): Promise<string> {
  const token = signJwt({ key: keyFor('ES256'), typ: 'at+jwt', claims: { ...claims, ...changed } });
  const result = await verify(token, expected);
  return result.kind === 'ok' ? 'ok' : result.reason;
}

describe('test vectors', () => {
  it('signs the Ed25519 example of RFC 8037 appendix A.4', () => {
    const jwk = {
      kty: 'OKP',
      crv: 'Ed25519',
      d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    };
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    const key: SigningKey = { kid: 'a', alg: 'EdDSA', privateKey, publicKey: createPublicKey(privateKey) };
    const input = Buffer.from('eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc');
    expect(signBytes(key, input).toString('base64url')).toBe(
      'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
    );
  });

  it('computes the thumbprint of RFC 8037 appendix A.3', async () => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
    const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
    expect(await jwkThumbprint({ publicKey })).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });
});

describe.each(signingAlgorithms)('%s', (alg) => {
  it('signs tokens that both verifyJwt and jose verify, for all claims', async () => {
    const key = keyFor(alg);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.stringMatching(/^x[a-z]{0,8}$/), fc.jsonValue()), async (more) => {
        const expected: unknown = JSON.parse(JSON.stringify({ ...more, ...claims }));
        const token = signJwt({ key, typ: 'at+jwt', claims: { ...more, ...claims } });
        expect(await verify(token, { alg })).toEqual({ kind: 'ok', claims: expected, kid: key.kid });
        const reference = await jwtVerify(token, key.publicKey, { algorithms: [alg], currentDate: now });
        expect(reference.payload).toEqual(expected);
        expect(reference.protectedHeader).toEqual({ alg, kid: key.kid, typ: 'at+jwt' });
      }),
      { numRuns: 20 },
    );
  });

  it('verifies tokens that jose signed with our header', async () => {
    const key = keyFor(alg);
    const signed = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        new SignJWT({ ...claims, index }).setProtectedHeader({ alg, kid: key.kid, typ: 'at+jwt' }).sign(key.privateKey),
      ),
    );
    const outcomes = (await Promise.all(signed.map((token) => verify(token, { alg })))).map(({ kind }) => kind);
    // jose writes either of the two signatures of ES256; verifyJwt accepts only the one with the smaller s.
    const lowS = signed.filter(
      (token) => alg !== 'ES256' || hasLowS(Buffer.from(token.split('.')[2] ?? '', 'base64url')),
    );
    expect(outcomes.filter((kind) => kind === 'ok')).toHaveLength(lowS.length);
    expect(lowS.length).toBeGreaterThan(0);
  });

  it('uses the thumbprint as kid, and exports and imports the private and the public key', async () => {
    const key = keyFor(alg);
    expect(await jwkThumbprint(key)).toBe(key.kid);
    const stored = importSigningKey({ kid: key.kid, alg, pkcs8: exportPrivateKey(key) });
    const published = importVerifyKey(exportPublicJwk(key));
    expect(exportPublicJwk(stored)).toEqual(exportPublicJwk(key));
    const token = signJwt({ key: stored, typ: 'at+jwt', claims });
    expect(await verify(token, { alg, keys: () => published })).toEqual({ kind: 'ok', claims, kid: key.kid });
  });

  it('publishes no private member', () => {
    const names = Object.keys(exportPublicJwk(keyFor(alg))).toSorted();
    const members = { ES256: ['crv', 'x', 'y'], EdDSA: ['crv', 'x'], RS256: ['e', 'n'] };
    expect(names).toEqual([...members[alg], 'alg', 'kid', 'kty', 'use'].toSorted());
  });

  it('rejects every edit of a token', async () => {
    const token = signJwt({ key: keyFor(alg), typ: 'at+jwt', claims });
    const edit = fc.tuple(
      fc.nat({ max: token.length }),
      fc.nat({ max: 2 }),
      fc.stringMatching(/^[A-Za-z0-9_=. -]{0,2}$/),
    );
    await fc.assert(
      fc.asyncProperty(edit, async ([at, removed, added]) => {
        const edited = token.slice(0, at) + added + token.slice(at + removed);
        fc.pre(edited !== token);
        expect((await verify(edited, { alg })).kind).toBe('invalid');
      }),
      { numRuns: 200 },
    );
  });
});

describe('importing keys', () => {
  it('rejects a key that its algorithm cannot use', () => {
    const pkcs8 = exportPrivateKey(keyFor('ES256'));
    expect(() => importSigningKey({ kid: 'k', alg: 'EdDSA', pkcs8 })).toThrow(TypeError);
    expect(() => importSigningKey({ kid: 'k', alg: 'RS256', pkcs8 })).toThrow(TypeError);
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ format: 'der', type: 'pkcs8' });
    expect(() => importSigningKey({ kid: 'k', alg: 'ES256', pkcs8: p384 })).toThrow(TypeError);
    expect(() => importVerifyKey({ ...exportPublicJwk(keyFor('RS256')), alg: 'ES256' })).toThrow(TypeError);
  });

  it('rejects an RSA key that is too short or for PSS only, and an Ed448 key', () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
    for (const privateKey of [short, pss]) {
      const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
      expect(() => importSigningKey({ kid: 'k', alg: 'RS256', pkcs8 })).toThrow('this key is not for RS256');
    }
    const ed448 = generateKeyPairSync('ed448').privateKey.export({ format: 'der', type: 'pkcs8' });
    expect(() => importSigningKey({ kid: 'k', alg: 'EdDSA', pkcs8: ed448 })).toThrow('this key is not for EdDSA');
  });

  it('throws for a private key in exportPublicJwk', () => {
    const { privateKey } = keyFor('ES256');
    expect(() => exportPublicJwk({ kid: 'k', alg: 'ES256', publicKey: privateKey })).toThrow('not a public key');
  });
});

describe('verifyJwt', () => {
  it('rejects other encodings of a valid token', async () => {
    const token = signJwt({ key: keyFor('ES256'), typ: 'at+jwt', claims });
    // 64 bytes end in a group of two characters; the last has four unused bits.
    const respelled = token.slice(0, -1) + { A: 'B', Q: 'R', g: 'h', w: 'x' }[token.slice(-1)];
    expect(Buffer.from(respelled.slice(-86), 'base64url')).toEqual(Buffer.from(token.slice(-86), 'base64url'));
    for (const text of [respelled, `${token}==`, ` ${token}`, `${token}\n`, token.replaceAll('.', '. ')]) {
      expect(await verify(text)).toEqual({ kind: 'invalid', reason: 'malformed' });
    }
  });

  it('accepts only the key’s algorithm, and only if the caller allows it', async () => {
    const token = signJwt({ key: keyFor('ES256'), typ: 'at+jwt', claims });
    expect(await verify(token, { alg: 'EdDSA' })).toEqual({ kind: 'invalid', reason: 'algorithm' });
    expect(await verify(token, { alg: [] })).toEqual({ kind: 'invalid', reason: 'algorithm' });
    expect(await verify(token, { alg: ['EdDSA', 'RS256'] })).toEqual({ kind: 'invalid', reason: 'algorithm' });
    expect((await verify(token, { alg: ['EdDSA', 'ES256'] })).kind).toBe('ok');
    const mixed = signJwt({ key: { ...keyFor('RS256'), kid: keyFor('ES256').kid }, typ: 'at+jwt', claims });
    expect(await verify(mixed, { alg: signingAlgorithms })).toEqual({ kind: 'invalid', reason: 'algorithm' });
  });

  it('rejects "none" and an HMAC keyed with the public key (RFC 8725 §2.1)', async () => {
    const { kid, publicKey } = keyFor('RS256');
    const pem = Buffer.from(publicKey.export({ format: 'pem', type: 'spki' }));
    const mac = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid, typ: 'at+jwt' }).sign(pem);
    expect(await verify(mac, { alg: signingAlgorithms })).toEqual({ kind: 'invalid', reason: 'algorithm' });
    const none = Buffer.from(JSON.stringify({ alg: 'none', kid, typ: 'at+jwt' })).toString('base64url');
    const unsigned = `${none}.${mac.split('.')[1]}.AAAA`;
    expect(await verify(unsigned, { alg: signingAlgorithms })).toEqual({ kind: 'invalid', reason: 'algorithm' });
  });

  it('rejects an unknown key, another key’s signature, and another type', async () => {
    const token = signJwt({ key: keyFor('ES256'), typ: 'at+jwt', claims });
    expect(await verify(token, { keys: () => undefined })).toEqual({ kind: 'invalid', reason: 'unknown_key' });
    const other = await generateSigningKeyPair('ES256');
    expect(await verify(token, { keys: () => other })).toEqual({ kind: 'invalid', reason: 'signature' });
    for (const typ of ['JWT', 'AT+JWT', 'application/at+jwt']) {
      const typed = signJwt({ key: keyFor('ES256'), typ, claims });
      expect(await verify(typed)).toEqual({ kind: 'invalid', reason: 'type' });
    }
  });

  it('rejects another issuer or audience, and an array of audiences', async () => {
    expect(await outcomeOf({ iss: `${issuer}/` })).toBe('issuer');
    expect(await outcomeOf({ iss: undefined })).toBe('issuer');
    expect(await outcomeOf({ aud: 'https://other.example' })).toBe('audience');
    expect(await outcomeOf({ aud: undefined })).toBe('audience');
    expect(await outcomeOf({ aud: [audience] })).toBe('audience');
    expect(await outcomeOf({ aud: [audience, 'https://other.example'] })).toBe('audience');
  });

  it('accepts a token from iat and nbf until before exp, with the clock tolerance', async () => {
    expect(await outcomeOf({ exp: nowSeconds + 1 })).toBe('ok');
    expect(await outcomeOf({ exp: nowSeconds })).toBe('expired');
    expect(await outcomeOf({ exp: nowSeconds }, { clockToleranceSeconds: 1 })).toBe('ok');
    expect(await outcomeOf({ iat: nowSeconds + 1 })).toBe('not_yet_valid');
    expect(await outcomeOf({ iat: nowSeconds + 1 }, { clockToleranceSeconds: 1 })).toBe('ok');
    expect(await outcomeOf({ nbf: nowSeconds + 1 })).toBe('not_yet_valid');
    expect(await outcomeOf({ nbf: nowSeconds })).toBe('ok');
  });

  it('requires exp and iat, and numeric times', async () => {
    expect(await outcomeOf({ exp: undefined })).toBe('claims');
    expect(await outcomeOf({ iat: undefined })).toBe('claims');
    expect(await outcomeOf({ exp: `${nowSeconds + 900}` })).toBe('claims');
    expect(await outcomeOf({ nbf: 'soon' })).toBe('claims');
  });

  it('rejects a payload that is not an object', async () => {
    const key = keyFor('ES256');
    const header = Buffer.from(JSON.stringify({ alg: key.alg, kid: key.kid, typ: 'at+jwt' })).toString('base64url');
    const input = `${header}.${Buffer.from('"text"').toString('base64url')}`;
    const token = `${input}.${signBytes(key, Buffer.from(input)).toString('base64url')}`;
    expect(await verify(token)).toEqual({ kind: 'invalid', reason: 'malformed' });
  });

  it('throws on a bug instead of reporting an invalid token', async () => {
    const token = signJwt({ key: keyFor('ES256'), typ: 'at+jwt', claims });
    const unfit = { ...keyFor('EdDSA'), alg: 'ES256' as const };
    await expect(verify(token, { keys: () => unfit })).rejects.toThrow('Invalid key type');
  });
});
