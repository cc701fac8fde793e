import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBrandLink, parseBrandLink, parseServiceName } from './index.ts';

describe('parseServiceName', () => {
  it.each([
    ['Acme', 'Acme'],
    ['  Acme & Söhne: <b>', 'Acme & Söhne: <b>'],
    ['株式会社アクメ', '株式会社アクメ'],
    ['👩‍🚀 Club', '👩‍🚀 Club'],
    ['A'.repeat(40), 'A'.repeat(40)],
  ])('reads %j', (text, value) => expect(parseServiceName(text)).toEqual({ kind: 'ok', value }));

  it.each(['', ' ', '\u200d', 'A'.repeat(41), 'A\r\nBcc: b@c.example', 'Ac\u202eme', 'Ac\u2028me', 'A'.repeat(10_000)])(
    'refuses %j',
    (text) => expect(parseServiceName(text).kind).toBe('invalid'),
  );
});

describe('parseBrandLink', () => {
  it.each([
    ['privacy=https://example.com/privacy', { kind: 'privacy', url: 'https://example.com/privacy' }],
    ['help=https://example.com', { kind: 'help', url: 'https://example.com/' }],
    ['terms=https://example.com/?a=b&c=d', { kind: 'terms', url: 'https://example.com/?a=b&c=d' }],
  ])('reads %s', (text, value) => expect(parseBrandLink(text)).toEqual({ kind: 'ok', value }));

  it.each([
    '',
    'privacy',
    'privacy=',
    'imprint=https://example.com',
    'https://example.com',
    'help=http://example.com',
    'help=javascript:alert(1)',
    'help=https://user:secret@example.com',
    'help=https://example.com/a b',
    'help=mailto:help@example.com',
    'help=https://exam"ple.com',
  ])('refuses %j', (text) => expect(parseBrandLink(text).kind).toBe('invalid'));

  it('reads what it wrote, and an https URL without quotes or spaces alone', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl({ validSchemes: ['https'], withQueryParameters: true }), fc.string()), (url) => {
        const result = parseBrandLink(`help=${url}`);
        if (result.kind !== 'ok') return;
        expect(result.value.url).toMatch(/^https:\/\/[^\s"<>]+$/);
        expect(parseBrandLink(formatBrandLink(result.value))).toEqual(result);
      }),
    );
  });
});
