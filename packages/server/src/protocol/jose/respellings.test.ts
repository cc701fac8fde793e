import fc from 'fast-check';
import { compactVerify } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { malformedTokens, signWithHeader, tokenVariants } from '#test/support/token-variants.ts';
import { generateSigningKeyPair, type SigningKey, signingAlgorithms, signJwt, verifyJwt } from './index.ts';

const nowSeconds = 1_800_000_000;
const issuer = 'https://id.example';
const audience = 'https://api.example';
const claims = { iss: issuer, aud: audience, sub: 's', jti: 'j', iat: nowSeconds, exp: nowSeconds + 900 };

async function isAccepted(key: SigningKey, token: string): Promise<boolean> {
  const { kind } = await verifyJwt(token, {
    keys: (kid) => (kid === key.kid ? key : undefined),
    alg: signingAlgorithms,
    typ: 'at+jwt',
    issuer,
    audience,
    now: new Date(nowSeconds * 1000),
    clockToleranceSeconds: 0,
  });
  return kind === 'ok';
}

describe.each(signingAlgorithms)('a token signed with %s', (alg) => {
  let key: SigningKey;

  beforeAll(async () => {
    key = await generateSigningKeyPair(alg);
  });

  it('is rejected in every other encoding', async () => {
    for (let round = 0; round < 8; round += 1) {
      // The payload length varies so that base64url ends in each of its possible ways.
      const token = signJwt({ key, typ: 'at+jwt', claims: { ...claims, round: 'x'.repeat(round) } });
      expect(await isAccepted(key, token)).toBe(true);
      const respellings = tokenVariants(token);
      expect(respellings.length).toBeGreaterThan(100);
      for (const { what, text } of respellings) {
        expect([what, await isAccepted(key, text)]).toEqual([what, false]);
      }
    }
  });

  it('is rejected with another header or payload shape, although our key signed it', async () => {
    const ours = signWithHeader(key, { alg, kid: key.kid, typ: 'at+jwt' }, claims);
    expect(await isAccepted(key, ours)).toBe(true);
    for (const { what, text } of malformedTokens(key, 'at+jwt', claims)) {
      expect([what, await isAccepted(key, text)]).toEqual([what, false]);
    }
  });

  it('is rejected after every edit, including edits that decode to the same bytes', async () => {
    const token = signJwt({ key, typ: 'at+jwt', claims });
    const piece = fc.oneof(
      fc.constantFrom('=', ' ', '\n', '.', '+', '/', '-', '_', '%3D', 'A', '\u0000', '\u00e9'),
      fc.string({ maxLength: 3 }),
    );
    const edit = fc.tuple(fc.nat({ max: token.length }), fc.nat({ max: 3 }), piece);
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const edited = edits.reduce(
          (text, [at, removed, added]) => text.slice(0, at) + added + text.slice(at + removed),
          token,
        );
        fc.pre(edited !== token);
        expect(await isAccepted(key, edited)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

describe('jose without the strict parser', () => {
  it('accepts encodings that the parser rejects', async () => {
    const key = await generateSigningKeyPair('ES256');
    const token = signJwt({ key, typ: 'at+jwt', claims });
    const accepted = await Promise.all(
      tokenVariants(token).map(async ({ what, text }) => {
        const verified = compactVerify(text, key.publicKey, { algorithms: ['ES256'] });
        return verified.then(
          () => [what],
          () => [],
        );
      }),
    );
    expect(accepted.flat()).toContain('n − s');
  });
});
