import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mac } from '#test/webauthn/relying-party.ts';
import { type ChallengeContext, challengeCheck, challengeLifetimeMs, issueChallenge } from './challenge.ts';

const now = new Date('2026-03-01T12:00:00Z');
const later = (ms: number) => new Date(now.getTime() + ms);
const context: ChallengeContext = { purpose: 'login', binding: Buffer.alloc(32, 1) };
const macs = (message: Buffer) => [mac(message)];

const issue = (of = context) => issueChallenge(of, { now, mac });
const reasonOf = (challenge: string, of = context, at = now) => {
  const result = challengeCheck(of, { now: at, macs })(challenge);
  return result.kind === 'ok' ? 'ok' : result.reason;
};

describe('a challenge', () => {
  it('has 38 bytes and is never the same', () => {
    const issued = Array.from({ length: 50 }, () => issue());
    expect(issued.every((challenge) => /^[\w-]{51}$/.test(challenge))).toBe(true);
    expect(new Set(issued).size).toBe(50);
  });

  it('is valid for ten minutes', () => {
    expect(challengeLifetimeMs).toBe(10 * 60 * 1000);
    const challenge = issue();
    expect(reasonOf(challenge)).toBe('ok');
    expect(reasonOf(challenge, context, later(challengeLifetimeMs - 1))).toBe('ok');
    expect(reasonOf(challenge, context, later(challengeLifetimeMs))).toBe('challenge_expired');
  });

  it('returns the same hash each time, another for each challenge, and its expiry', () => {
    const check = challengeCheck(context, { now, macs });
    const [first, second] = [issue(), issue()];
    expect(check(first)).toEqual(check(first));
    expect(check(first)).toMatchObject({ challenge: { expiresAt: later(challengeLifetimeMs) } });
    expect(check(first)).not.toEqual(check(second));
  });

  it('is rejected for another purpose', () => {
    for (const purpose of ['second_factor', 'register', 'step_up'] as const) {
      expect(reasonOf(issue(), { ...context, purpose })).toBe('challenge');
    }
  });

  it('is rejected for another binding', () => {
    expect(reasonOf(issue(), { ...context, binding: Buffer.alloc(32, 2) })).toBe('challenge');
    expect(reasonOf(issue(), { ...context, binding: Buffer.alloc(31, 1) })).toBe('challenge');
    expect(reasonOf(issue({ ...context, binding: Buffer.from('api') }))).toBe('challenge');
  });

  it('is rejected under another key, and accepted under a retired one', () => {
    const challenge = issueChallenge(context, { now, mac: (message) => mac(message, 'retired') });
    expect(reasonOf(challenge)).toBe('challenge');
    const both = (message: Buffer) => [mac(message), mac(message, 'retired')];
    expect(challengeCheck(context, { now, macs: both })(challenge).kind).toBe('ok');
  });

  it('is rejected when no key is known', () => {
    expect(challengeCheck(context, { now, macs: () => [] })(issue()).kind).toBe('invalid');
  });

  it('is rejected with any changed bit, also of the expiry', () => {
    const bytes = Buffer.from(issue(), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(reasonOf(changed.toString('base64url'))).toBe('challenge');
    }
  });

  it('is rejected in any other form', () => {
    const challenge = issue();
    const bytes = Buffer.from(challenge, 'base64url');
    for (const text of ['', `${challenge}=`, `${challenge}A`, challenge.slice(0, -1), ` ${challenge}`]) {
      expect(reasonOf(text)).toBe('challenge');
    }
    expect(reasonOf(bytes.subarray(0, 37).toString('base64url'))).toBe('challenge');
    expect(reasonOf(Buffer.concat([bytes, Buffer.of(0)]).toString('base64url'))).toBe('challenge');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(reasonOf(text)).toBe('challenge');
      }),
    );
  });
});
