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

  it('accepts no other spelling of the same bytes', () => {
    const canonical = fc.tuple(fc.uint8Array({ minLength: 1 }), fc.uint8Array({ minLength: 1 }));
    fc.assert(
      fc.property(canonical, ([payload, signature]) => {
        const written = `${encode(headerText)}.${encode(payload)}.${encode(signature)}`;
        const parsed = parseCompactJws(written);
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
    ['nothing', ''],
    ['two parts', token.slice(0, token.lastIndexOf('.'))],
    ['four parts', `${token}.AAAA`],
    ['an empty signature (RFC 7518 §3.6, "none")', token.slice(0, token.lastIndexOf('.') + 1)],
    ['padding', `${token}==`],
    ['white space before', ` ${token}`],
    ['a line end behind', `${token}\n`],
    ['bits beyond the last byte', token.replace(/.$/, 'R')],
    ['a length that no bytes have', `${token}AAA`],
    ['a foreign letter', `${token.slice(0, -1)}é`],
  ])('refuses %s', (_name, text) => {
    expect(parseCompactJws(text)).toBeNull();
  });

  it.each([
    ['no object', '"a"'],
    ['null', 'null'],
    ['a list', '[1,2,3]'],
    ['no JSON', '{'],
    ['a missing kid', '{"alg":"ES256","typ":"at+jwt"}'],
    ['an extra member (RFC 7515 §4.1.11, "crit")', '{"alg":"ES256","kid":"k","typ":"at+jwt","crit":["b64"]}'],
    ['an embedded key', '{"alg":"ES256","kid":"k","typ":"at+jwt","jwk":{}}'],
    ['another member for one of ours', '{"alg":"ES256","jku":"k","typ":"at+jwt"}'],
    ['a name twice', '{"alg":"none","alg":"ES256","kid":"k","typ":"at+jwt"}'],
    ['white space', '{"alg":"ES256", "kid":"k","typ":"at+jwt"}'],
    ['a needless escape', '{"alg":"ES256","kid":"\\u006b","typ":"at+jwt"}'],
    ['bytes that are no UTF-8', Buffer.from('{"alg":"ES256","kid":"\xff","typ":"at+jwt"}', 'latin1')],
    ['a number for a string', '{"alg":"ES256","kid":1,"typ":"at+jwt"}'],
  ])('refuses a header with %s', (_name, text) => {
    expect(parseCompactJws(withHeader(text))).toBeNull();
  });

  it('accepts exactly the limit, 8192 bytes unless told otherwise', () => {
    const head = `${encode(headerText)}.AAAA.`;
    const room = 8192 - head.length;
    const longest = head + 'A'.repeat(room - (room % 4));
    expect(parseCompactJws(longest)).not.toBeNull();
    expect(parseCompactJws(`${longest}AAAA`)).toBeNull();
    expect(parseCompactJws(token, { maxBytes: token.length })).not.toBeNull();
    expect(parseCompactJws(token, { maxBytes: token.length - 1 })).toBeNull();
  });

  it('answers in linear time, whatever is sent', () => {
    const hostile = [`${'A'.repeat(8191)}!`, '.'.repeat(8192), `${'A'.repeat(4000)}.${'A'.repeat(4000)}.=`];
    for (const text of hostile) expect(parseCompactJws(text)).toBeNull();
    expect(parseCompactJws('A'.repeat(10_000_000))).toBeNull();
  });
});
