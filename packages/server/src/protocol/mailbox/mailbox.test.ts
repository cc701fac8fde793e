import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMailbox, parseMailbox } from './index.ts';

describe('parseMailbox', () => {
  it.each([
    ['Latchkey <no-reply@auth.example.com>', { name: 'Latchkey', address: 'no-reply@auth.example.com' }],
    ['The Key, Inc. <No-Reply@Example.COM>', { name: 'The Key, Inc.', address: 'No-Reply@example.com' }],
    ['"Doe, Jane" <jane@example.com>', { name: 'Doe, Jane', address: 'jane@example.com' }],
    ['"The \\"Key\\" \\\\" <a@example.com>', { name: 'The "Key" \\', address: 'a@example.com' }],
    ['Bücher <post@bücher.example>', { name: 'Bücher', address: 'post@xn--bcher-kva.example' }],
    ['"" <no-reply@example.com>', { name: '', address: 'no-reply@example.com' }],
    ['<no-reply@example.com>', { name: '', address: 'no-reply@example.com' }],
    ['no-reply@example.com', { name: '', address: 'no-reply@example.com' }],
    ['dev@localhost', { name: '', address: 'dev@localhost' }],
    ["Andreas' Büro <büro+x@example.com>", undefined],
  ])('reads %s', (text, value) => {
    expect(parseMailbox(text)).toEqual(
      value === undefined ? expect.objectContaining({ kind: 'invalid' }) : { kind: 'ok', value },
    );
  });

  it.each([
    '',
    'nobody',
    'A <a@b.example> <c@d.example>',
    'a@b.example, c@d.example',
    'A <a@b.example>, B <c@d.example>',
    'a@b.example\nBcc: c@d.example',
    'A\r\nBcc: c@d.example <a@b.example>',
    'A\u2028B <a@b.example>',
    '"A <a@b.example>',
    'A "B" <a@b.example>',
    'A <a@[192.0.2.1]>',
    'A <"a b"@b.example>',
    'A <a@b.example',
    'a@b_c.example',
    'a @b.example',
    'dev@local host',
  ])('rejects %j', (text) => {
    expect(parseMailbox(text).kind).toBe('invalid');
  });

  it('takes linear time', () => {
    const spaces = ' '.repeat(200_000);
    for (const text of [`A${spaces}`, `A${spaces}<a@b.example`, `"A"${spaces}`]) {
      expect(parseMailbox(text).kind).toBe('invalid');
    }
    expect(parseMailbox(`A B${spaces}<a@b.example>`)).toMatchObject({ value: { name: 'A B' } });
  });

  it('reads what formatMailbox writes', () => {
    const written = fc.tuple(fc.string(), fc.emailAddress()).map(([name, address]) => `${name} <${address}>`);
    fc.assert(
      fc.property(fc.oneof(written, fc.string({ unit: 'binary' })), (text) => {
        const result = parseMailbox(text);
        if (result.kind === 'ok') expect(parseMailbox(formatMailbox(result.value))).toEqual(result);
      }),
    );
  });
});
