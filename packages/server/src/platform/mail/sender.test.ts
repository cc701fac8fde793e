import { expect, it } from 'vitest';
import { parseSender } from './sender.ts';

it.each([
  ['Latchkey <no-reply@auth.example.com>', { name: 'Latchkey', address: 'no-reply@auth.example.com' }],
  ['The Key, Inc. <No-Reply@Example.COM>', { name: 'The Key, Inc.', address: 'No-Reply@example.com' }],
  ['<no-reply@example.com>', { name: '', address: 'no-reply@example.com' }],
  ['no-reply@example.com', { name: '', address: 'no-reply@example.com' }],
])('parses %s', (text, sender) => {
  expect(parseSender(text)).toEqual(sender);
});

it.each(['', 'nobody', 'A <a@b> <c@d>', 'a@b, c@d'])('rejects %j', (text) => {
  expect(() => parseSender(text)).toThrow('not one address');
});
