import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCompactJws } from './compact-jws.ts';

function encode(value: string | Uint8Array): string {
  return Buffer.from(value).toString('base64url');
}

const headerText = '{"alg":"ES256","kid":"k","typ":"at+jwt"}';
const token = `${encode(headerText)}.${encode('{"a":1}')}.${encode(new Uint8Array(64).fill(0xa5))}`;

function withHeader(bytes: string | Uint8Array): string {
  return `${encode(bytes)}${token.slice(token.indexOf('.'))}`;
}

describe('parseCompactJws', () => {
  it('splits a token into header, payload and signature', () => {
    expect(parseCompactJws(token)).toEqual({
      header: { alg: 'ES256', kid: 'k', typ: 'at+jwt' },
      payload: Buffer.from('{"a":1}'),
      signature: Buffer.alloc(64, 0xa5),
    });
  });

  it('accepts one encoding of the same bytes only', () => {
    const canonical = fc.tuple(fc.uint8Array({ minLength: 1 }), fc.uint8Array({ minLength: 1 }));
    fc.assert(
      fc.property(canonical, ([payload, signature]) => {
        const parsed = parseCompactJws(`${encode(headerText)}.${encode(payload)}.${encode(signature)}`);
        expect(parsed?.payload).toEqual(Buffer.from(payload));
        expect(parsed?.signature).toEqual(Buffer.from(signature));
      }),
    );
    const edit = fc.tuple(
      fc.nat({ max: token.length }),
      fc.nat({ max: 2 }),
      fc.oneof(fc.constantFrom('=', ' ', '\n', '.', '+', '/', 'A'), fc.string({ maxLength: 2 })),
    );
    fc.assert(
      fc.property(edit, ([at, removed, added]) => {
        const edited = token.slice(0, at) + added + token.slice(at + removed);
        const parsed = parseCompactJws(edited);
        if (parsed === null) return;
        const { header, payload, signature } = parsed;
        expect(`${encode(JSON.stringify(header))}.${encode(payload)}.${encode(signature)}`).toBe(edited);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['the empty string', ''],
    ['two parts', token.slice(0, token.lastIndexOf('.'))],
    ['four parts', `${token}.AAAA`],
    ['an empty signature (RFC 7518 §3.6, "none")', token.slice(0, token.lastIndexOf('.') + 1)],
    ['padding', `${token}==`],
    ['leading white space', ` ${token}`],
    ['a trailing line feed', `${token}\n`],
    ['non-zero trailing bits', token.replace(/.$/, 'R')],
    ['a length that base64url cannot have', `${token}AAA`],
    ['a non-ASCII letter', `${token.slice(0, -1)}é`],
  ])('rejects %s', (_name, text) => {
    expect(parseCompactJws(text)).toBeNull();
  });

  it.each([
    ['a string instead of an object', '"a"'],
    ['null', 'null'],
    ['an array', '[1,2,3]'],
    ['malformed JSON', '{'],
    ['a missing kid', '{"alg":"ES256","typ":"at+jwt"}'],
    ['an extra member (RFC 7515 §4.1.11, "crit")', '{"alg":"ES256","kid":"k","typ":"at+jwt","crit":["b64"]}'],
    ['an embedded key', '{"alg":"ES256","kid":"k","typ":"at+jwt","jwk":{}}'],
    ['jku in place of kid', '{"alg":"ES256","jku":"k","typ":"at+jwt"}'],
    ['a duplicate member', '{"alg":"none","alg":"ES256","kid":"k","typ":"at+jwt"}'],
    ['white space', '{"alg":"ES256", "kid":"k","typ":"at+jwt"}'],
    ['an unnecessary escape', '{"alg":"ES256","kid":"\\u006b","typ":"at+jwt"}'],
    ['malformed UTF-8', Buffer.from('{"alg":"ES256","kid":"\xff","typ":"at+jwt"}', 'latin1')],
    ['a number in place of a string', '{"alg":"ES256","kid":1,"typ":"at+jwt"}'],
  ])('rejects a header with %s', (_name, text) => {
    expect(parseCompactJws(withHeader(text))).toBeNull();
  });

  it('accepts tokens up to maxBytes, which is 8192 by default', () => {
    const head = `${encode(headerText)}.AAAA.`;
    const room = 8192 - head.length;
    const longest = head + 'A'.repeat(room - (room % 4));
    expect(parseCompactJws(longest)).not.toBeNull();
    expect(parseCompactJws(`${longest}AAAA`)).toBeNull();
    expect(parseCompactJws(token, { maxBytes: token.length })).not.toBeNull();
    expect(parseCompactJws(token, { maxBytes: token.length - 1 })).toBeNull();
  });

  it('rejects hostile input in linear time', () => {
    const hostile = [`${'A'.repeat(8191)}!`, '.'.repeat(8192), `${'A'.repeat(4000)}.${'A'.repeat(4000)}.=`];
    for (const text of hostile) expect(parseCompactJws(text)).toBeNull();
    expect(parseCompactJws('A'.repeat(10_000_000))).toBeNull();
  });
});
