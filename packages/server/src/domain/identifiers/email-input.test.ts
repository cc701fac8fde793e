import { expect, it } from 'vitest';
import { emailInput } from './email-input.ts';

it.each([' ada@example.com', 'ada@example.com ', '\tada@example.com\t', '\u00a0Ada@example.com\u3000'])(
  'removes the blanks around %j, which phone keyboards add',
  (typed) => {
    expect(emailInput.parse(typed)).toEqual({ asTyped: typed.trim(), canonical: 'ada@example.com' });
  },
);

it.each([
  'ada @example.com',
  'ada@ example.com',
  'a\u00a0da@example.com',
  '  ',
  'a..b@docomo.ne.jp',
  'ada@example.com\n',
  '\r\nada@example.com',
])('rejects %j', (typed) => {
  expect(emailInput.safeParse(typed).success).toBe(false);
});
