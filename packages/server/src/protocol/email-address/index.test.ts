import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, addressLike, addressPair, mailboxOf } from '#test/support/addresses.ts';
import { parseEmailAddress, withUnicodeDomain } from './index.ts';

function canonicalOf(input: string): string {
  const result = parseEmailAddress(input);
  if (result.kind === 'invalid') throw new Error(`${JSON.stringify(input)}: ${result.reason}`);
  return result.address.canonical;
}

function problemOf(input: string): string {
  const result = parseEmailAddress(input);
  return result.kind === 'ok' ? `ok: ${result.address.canonical}` : result.reason;
}

describe('accepted addresses', () => {
  it.each([
    ['user@example.com', 'user@example.com'],
    ['User@Example.COM', 'user@example.com'],
    ['first.last+tag@example.com', 'first.last+tag@example.com'],
    ["!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"],
    ['a@1.example', 'a@1.example'],
    ['a@123.com', 'a@123.com'],
    ['a@r3---sn.example', 'a@r3---sn.example'],
    // UTS 46, non-transitional processing: ß stays itself.
    ['a@straße.de', 'a@xn--strae-oqa.de'],
    ['a@MÜNCHEN.de', 'a@xn--mnchen-3ya.de'],
    ['a@mu\u0308nchen.de', 'a@xn--mnchen-3ya.de'],
    ['a@XN--MNCHEN-3YA.de', 'a@xn--mnchen-3ya.de'],
    // RFC 3490 §3.1: the ideographic full stop separates labels.
    ['a@例え。テスト', 'a@xn--r8jz45g.xn--zckzah'],
    ['a@ｅｘａｍｐｌｅ.com', 'a@example.com'],
  ])('%s is %s', (typed, canonical) => {
    expect(parseEmailAddress(typed)).toEqual({ kind: 'ok', address: { asTyped: typed, canonical } });
  });

  it('keeps dots and plus signs, which only the receiving host may interpret', () => {
    expect(canonicalOf('a.b@example.com')).not.toBe(canonicalOf('ab@example.com'));
    expect(canonicalOf('a+b@example.com')).not.toBe(canonicalOf('a@example.com'));
  });

  it('accepts up to 64 bytes of local part, 63 per label and 254 in total', () => {
    expect(problemOf(`${'a'.repeat(64)}@example.com`)).toMatch(/^ok/);
    expect(problemOf(`${'a'.repeat(65)}@example.com`)).toBe('local_part_too_long');
    expect(problemOf(`a@${'b'.repeat(63)}.com`)).toMatch(/^ok/);
    expect(problemOf(`a@${'b'.repeat(64)}.com`)).toBe('domain_malformed');
    const domain = `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(57)}.com`;
    expect(problemOf(`${'a'.repeat(64)}@${domain}`)).toMatch(/^ok/);
    expect(problemOf(`${'a'.repeat(64)}@d${domain}`)).not.toMatch(/^ok/);
    expect(problemOf(`${'a'.repeat(64)}@e.${domain}`)).toBe('too_long');
  });

  it('applies the limit to A-labels too, which can be longer than the input', () => {
    const typed = `a@${Array.from({ length: 40 }, () => 'ü').join('.')}.com`;
    expect(Buffer.byteLength(typed)).toBeLessThan(254);
    expect(problemOf(typed)).toBe('too_long');
  });
});

describe('a domain whose last label contains digits', () => {
  it.each(['example.1a', 'example.a1', 'example.10x', 'example.x0x1', 'example.0y'])('is a host name: %s', (domain) => {
    expect(parseEmailAddress(`a@${domain}`)).toMatchObject({ kind: 'ok', address: { canonical: `a@${domain}` } });
  });
});

describe('rejected addresses', () => {
  it.each([
    ['', 'empty'],
    ['user', 'not_one_at_sign'],
    ['a@b@example.com', 'not_one_at_sign'],
    ['a@example.com,b@example.com', 'not_one_at_sign'],
    ['@example.com', 'local_part_empty'],
    ['a@', 'domain_empty'],
    [' a@example.com', 'local_part_forbidden_character'],
    ['a b@example.com', 'local_part_forbidden_character'],
    ['"a"@example.com', 'local_part_forbidden_character'],
    ['a(comment)@example.com', 'local_part_forbidden_character'],
    ['Name <a@example.com', 'local_part_forbidden_character'],
    ['a,b@example.com', 'local_part_forbidden_character'],
    ['a;b@example.com', 'local_part_forbidden_character'],
    ['mailto:a@example.com', 'local_part_forbidden_character'],
    ['a\\b@example.com', 'local_part_forbidden_character'],
    ['a\r\nBcc: b@example.com', 'local_part_forbidden_character'],
    ['a\u0000@example.com', 'local_part_forbidden_character'],
    ['ü@example.com', 'local_part_forbidden_character'],
    // The Kelvin sign; its lower case is an ASCII k.
    ['\u212aate@example.com', 'local_part_forbidden_character'],
    ['.a@example.com', 'local_part_misplaced_dot'],
    ['a.@example.com', 'local_part_misplaced_dot'],
    ['a..b@example.com', 'local_part_misplaced_dot'],
    ['a@example.com>', 'domain_forbidden_character'],
    ['a@example.com\n', 'domain_forbidden_character'],
    ['a@exam\tple.com', 'domain_forbidden_character'],
    ['a@ex%61mple.com', 'domain_forbidden_character'],
    ['a@ex％61mple.com', 'domain_malformed'],
    ['a@example.com/x', 'domain_forbidden_character'],
    ['a@example.com\\x', 'domain_forbidden_character'],
    ['a@example.com?x', 'domain_forbidden_character'],
    ['a@example.com#x', 'domain_forbidden_character'],
    ['a@example.com:25', 'domain_forbidden_character'],
    ['a@ex_ample.com', 'domain_forbidden_character'],
    ['a@*.example.com', 'domain_forbidden_character'],
    ['a@exam\u00adple.com', 'domain_forbidden_character'],
    ['a@exam\u202eple.com', 'domain_forbidden_character'],
    ['a@exam\ud800ple.com', 'domain_forbidden_character'],
    ['a@exam\u200dple.com', 'domain_malformed'],
    ['a@℀.com', 'domain_malformed'],
    ['a@localhost', 'domain_single_label'],
    ['a@example.com.', 'domain_malformed'],
    ['a@.example.com', 'domain_malformed'],
    ['a@example..com', 'domain_malformed'],
    ['a@-example.com', 'domain_malformed'],
    ['a@example-.com', 'domain_malformed'],
    ['a@xn--a.com', 'domain_malformed'],
    ['a@xn--example-.com', 'domain_malformed'],
    ['a@xn--.com', 'domain_malformed'],
    ['a@127.0.0.1', 'domain_is_ip_address'],
    ['a@example.12', 'domain_is_ip_address'],
    ['a@example.0x', 'domain_is_ip_address'],
    ['a@0x7f.1', 'domain_is_ip_address'],
    ['a@example.0x7f', 'domain_is_ip_address'],
    ['a@１２７.０.０.１', 'domain_is_ip_address'],
    ['a@[127.0.0.1]', 'domain_is_ip_address'],
    ['a@[IPv6:::1]', 'domain_is_ip_address'],
  ])('%j: %s', (input, reason) => {
    expect(problemOf(input)).toBe(reason);
  });
});

describe('withUnicodeDomain', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['ada@xn--mller-kva.example', 'ada@müller.example'],
    ['xn--mller-kva@mail.xn--bcher-kva.example', 'xn--mller-kva@mail.bücher.example'],
  ])('returns for %s %s', (canonical, unicode) => {
    expect(withUnicodeDomain(canonical)).toBe(unicode);
  });

  it('returns another spelling of the same address', () => {
    fc.assert(
      fc.property(addressLike, (input) => {
        const first = parseEmailAddress(input);
        if (first.kind === 'ok')
          expect(canonicalOf(withUnicodeDomain(first.address.canonical))).toBe(first.address.canonical);
      }),
    );
  });
});

describe('the canonical form', () => {
  it('is its own canonical form for 4,000 addresses, in lower-case ASCII with one @', () => {
    let accepted = 0;
    fc.assert(
      fc.property(address, (input) => {
        const first = parseEmailAddress(input);
        if (first.kind === 'invalid') return;
        accepted += 1;
        const { canonical } = first.address;
        expect(/^[!-?A-~]+@[a-z0-9.-]+$/.test(canonical) && canonical === canonical.toLowerCase()).toBe(true);
        expect(canonicalOf(canonical)).toBe(canonical);
      }),
      { numRuns: 4000 },
    );
    expect(accepted).toBeGreaterThan(3200);
  });

  it('is its own canonical form for arbitrary accepted text', () => {
    fc.assert(
      fc.property(fc.oneof(addressLike, fc.string({ unit: 'binary' }), fc.emailAddress()), (input) => {
        const first = parseEmailAddress(input);
        if (first.kind === 'ok') expect(canonicalOf(first.address.canonical)).toBe(first.address.canonical);
      }),
      { numRuns: 1000 },
    );
  });

  it('does not depend on the case of an address', () => {
    fc.assert(
      fc.property(addressLike, (input) => {
        const first = parseEmailAddress(input);
        if (first.kind === 'invalid') return;
        expect(canonicalOf(first.address.canonical.toUpperCase())).toBe(first.address.canonical);
      }),
    );
  });

  it('is equal for two addresses exactly when they are the same mailbox', () => {
    const seen = { same: 0, other: 0 };
    fc.assert(
      fc.property(addressPair, ([one, other]) => {
        const [first, second] = [parseEmailAddress(one), parseEmailAddress(other)];
        if (first.kind === 'invalid' || second.kind === 'invalid') return;
        const isSame = mailboxOf(one) === mailboxOf(other);
        seen[isSame ? 'same' : 'other'] += 1;
        expect(first.address.canonical === second.address.canonical).toBe(isSame);
      }),
      { numRuns: 4000 },
    );
    expect(Math.min(seen.same, seen.other)).toBeGreaterThan(1000);
  });
});
