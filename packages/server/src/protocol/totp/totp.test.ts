import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase32 } from '#protocol/base32/index.ts';
import { hotp } from './hotp.ts';
import { matchingStep, newTotpSecret, totpSecretText, totpUri } from './index.ts';

/** The secret of RFC 4226 Appendix D and of the SHA-1 rows of RFC 6238 Appendix B. */
const secret = Buffer.from('12345678901234567890');

const at = (seconds: number) => new Date(seconds * 1000);

describe('hotp', () => {
  // RFC 4226 Appendix D, the column "HOTP".
  it.each(
    ['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489']
      .entries()
      .toArray(),
  )('computes the value of counter %i', (counter, code) => {
    expect(hotp(secret, counter, 6)).toBe(code);
  });

  // RFC 6238 Appendix B, the rows of mode SHA1.
  it.each([
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ])('computes the TOTP of second %i', (seconds, code) => {
    expect(hotp(secret, Math.floor(seconds / 30), 8)).toBe(code);
    expect(matchingStep(secret, code.slice(2), at(seconds))).toBe(Math.floor(seconds / 30));
  });
});

describe('matchingStep', () => {
  const step = 40_000_000;

  it('accepts the current step and its two neighbors, and names the step', () => {
    for (const offset of [-1, 0, 1]) {
      const code = hotp(secret, step + offset, 6);
      expect(matchingStep(secret, code, at(step * 30))).toBe(step + offset);
      expect(matchingStep(secret, code, at(step * 30 + 29.999))).toBe(step + offset);
    }
  });

  it('rejects the codes of two steps ago and of two steps ahead', () => {
    expect(matchingStep(secret, hotp(secret, step - 2, 6), at(step * 30))).toBeUndefined();
    expect(matchingStep(secret, hotp(secret, step + 2, 6), at(step * 30))).toBeUndefined();
  });

  it('ignores spaces, and no other separator', () => {
    const code = hotp(secret, step, 6);
    expect(matchingStep(secret, ` ${code.slice(0, 3)} ${code.slice(3)} `, at(step * 30))).toBe(step);
    for (const separator of ['\u00a0', '\n', '\t', '-']) {
      expect(matchingStep(secret, code.slice(0, 3) + separator + code.slice(3), at(step * 30))).toBeUndefined();
    }
  });

  it.each(['', '12345', '1234567', '12345a', '１２３４５６', '-12345', '+12345'])(
    'rejects %j, which is not a code',
    (code) => {
      expect(matchingStep(secret, code, at(step * 30))).toBeUndefined();
    },
  );

  it('names the latest step when two steps have the same code', () => {
    // The first pair of successive steps of this secret with one code, found by search.
    const shared = 910_737;
    expect(hotp(secret, shared, 6)).toBe('911617');
    expect(hotp(secret, shared, 6)).toBe(hotp(secret, shared + 1, 6));
    expect(matchingStep(secret, hotp(secret, shared, 6), at(shared * 30))).toBe(shared + 1);
    expect(matchingStep(secret, hotp(secret, shared, 6), at((shared + 1) * 30))).toBe(shared + 1);
  });

  it('accepts only the code of the secret', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        fc.integer({ min: 0, max: 2 ** 40 }),
        (other, now) => {
          const current = Math.floor(now / 30);
          const expected = [-1, 0, 1].map((offset) => hotp(other, current + offset, 6));
          const code = hotp(secret, current, 6);
          expect(matchingStep(other, code, at(now)) !== undefined).toBe(expected.includes(code));
        },
      ),
    );
  });
});

describe('a new secret', () => {
  it('has 160 bits and is never the same', () => {
    const secrets = Array.from({ length: 50 }, newTotpSecret);
    expect(secrets.every(({ length }) => length === 20)).toBe(true);
    expect(new Set(secrets.map((drawn) => drawn.toString('hex'))).size).toBe(50);
  });

  it('is written in groups of four characters that decode to it', () => {
    expect(totpSecretText(secret)).toBe('GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ');
    expect(decodeBase32(totpSecretText(secret), 'rfc4648')).toEqual(secret);
  });
});

describe('totpUri', () => {
  it('encodes the issuer and the account', () => {
    expect(totpUri({ issuer: 'Acme & Söhne: ID', account: "o'brien+tag@example.org", secret })).toBe(
      "otpauth://totp/Acme%20%26%20S%C3%B6hne%20ID:o'brien%2Btag%40example.org" +
        '?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%26%20S%C3%B6hne%20ID',
    );
  });

  it('has exactly the given label and parameters, whatever they contain', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (issuer, account) => {
        const url = new URL(totpUri({ issuer, account, secret }));
        const [name = '', ...rest] = url.pathname.slice(1).split(':');
        expect(decodeURIComponent(name)).toBe(issuer.toWellFormed().replaceAll(':', ''));
        expect(rest.map(decodeURIComponent)).toEqual([account.toWellFormed()]);
        expect([...url.searchParams.keys()]).toEqual(['secret', 'issuer']);
      }),
    );
  });
});
