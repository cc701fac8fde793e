import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanReply } from './smtp-reply.ts';

describe('cleanReply', () => {
  it.each([
    ['250 2.0.0 OK queued as 12345', '250 2.0.0 OK queued as 12345'],
    ['550 5.1.1 <ada@example.org>: no such user', '550 5.1.1 <<address>>: no such user'],
    ['554 blocked: HTTPS://auth.example.com/v?token=lk_ot_abc', '554 blocked: <link>'],
    ['554 token lk_ot_abcDEF-123 is bad', '554 token <secret> is bad'],
    ['550-one\r\n550 two\u202e', '550-one 550 two'],
  ])('redacts %j', (reply, redacted) => {
    expect(cleanReply(reply)).toBe(redacted);
  });

  it('reads the beginning of a long reply, and no part of a word', () => {
    expect(cleanReply('a'.repeat(1_000_000))).toBe('');
    // The words before the address are links, which become shorter: its beginning would be in the ledger.
    const links = `https://${'l'.repeat(90)}.example `.repeat(19);
    expect(
      cleanReply(`550 ${links}${'x'.repeat(20)} ada.lovelace.of.a.long.name@${'e'.repeat(200)}.example`),
    ).not.toContain('ada');
    expect(cleanReply(`550 blocked: ${'spam '.repeat(10_000)}`)).toMatch(/^550 blocked: (spam )+s?p?a?m?$/);
  });

  it('never returns an address, a line break, or more than 300 characters', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.emailAddress(),
        fc.string({ unit: 'binary' }),
        (before, address, after) => {
          const redacted = cleanReply(`550 ${before} <${address}> ${after}`);
          return !redacted.includes(address) && !/\p{Cc}/u.test(redacted) && redacted.length <= 300;
        },
      ),
    );
  });
});
