import { describe, expect, it } from 'vitest';
import { emailOf } from './email-proof.ts';
import type { EmailProof } from './presets.ts';

const proven = (proof: EmailProof, claims: Readonly<Record<string, unknown>>, domains: readonly string[] = []) =>
  emailOf(claims, proof, domains)?.proven;

const unverified = [undefined, null, false, 0, 1, '1', 'TRUE', 'yes', [true], {}];

describe('an email is proven', () => {
  it.each([
    ['google', { email: 'ada@gmail.com', email_verified: true }, true],
    ['google', { email: 'Ada@GMail.com', email_verified: true }, true],
    ['google', { email: 'ada@people.example', email_verified: true, hd: 'people.example' }, true],
    ['google', { email: 'ada@people.example', email_verified: true, hd: 'People.Example' }, true],
    ['google', { email: 'ada@people.example', email_verified: true }, false],
    ['google', { email: 'ada@people.example', email_verified: true, hd: 'other.example' }, false],
    ['google', { email: 'ada@people.example', email_verified: true, hd: ['people.example'] }, false],
    ['google', { email: 'ada@mail.gmail.com', email_verified: true }, false],
    ['google', { email: 'ada@gmail.com', email_verified: 'true' }, false],
    ['apple', { email: 'x@privaterelay.appleid.com', email_verified: true }, true],
    ['apple', { email: 'x@privaterelay.appleid.com', email_verified: 'true' }, true],
    ['microsoft', { email: 'ada@people.example', email_verified: true }, false],
    ['microsoft', { email: 'ada@people.example', xms_edov: true }, true],
    ['microsoft', { email: 'ada@people.example', xms_edov: 'true' }, false],
    ['never', { email: 'ada@gmail.com', email_verified: true, hd: 'gmail.com', xms_edov: true }, false],
  ] as const)('by %s: %j → %s', (proof, claims, expected) => {
    expect(proven(proof, claims)).toBe(expected);
  });

  it('by a provider of our own for its domains alone', () => {
    const domains = ['people.example', 'xn--bcher-kva.example'];
    const verified = (email: string) => proven('listed_domains', { email, email_verified: true }, domains);
    expect(verified('ada@people.example')).toBe(true);
    expect(verified('ada@PEOPLE.example')).toBe(true);
    expect(verified('ada@bücher.example')).toBe(true);
    for (const email of ['ada@sub.people.example', 'ada@people.example.evil.example', 'ada@apeople.example'])
      expect(verified(email), email).toBe(false);
    expect(proven('listed_domains', { email: 'ada@people.example', email_verified: true })).toBe(false);
  });

  it.each(unverified)('never with email_verified %j', (email_verified) => {
    const claims = { email: 'ada@gmail.com', email_verified, hd: 'gmail.com' };
    expect(proven('google', claims)).toBe(false);
    expect(proven('apple', claims)).toBe(false);
    expect(proven('listed_domains', claims, ['gmail.com'])).toBe(false);
    expect(proven('microsoft', { ...claims, xms_edov: email_verified })).toBe(false);
  });

  it.each([undefined, 1, '', 'ada', ['ada@gmail.com'], 'ada@gmail.com,eve@evil.example', 'ada@[127.0.0.1]'])(
    'never for %j, which is no address',
    (email) => {
      expect(emailOf({ email, email_verified: true }, 'google', [])).toBeUndefined();
    },
  );
});
