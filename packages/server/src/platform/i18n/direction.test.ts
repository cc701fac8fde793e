import { expect, it } from 'vitest';
import { Catalogues } from './index.ts';

const catalogues = new Catalogues(
  new Map([
    ['en', { on: '{browser} on {system}', of: '{n, plural, one {# device} other {# devices}} of {service}' }],
    ['ar', { on: '{browser} على {system}' }],
  ]),
  { name: 'Acme', links: [] },
);

it('keeps a text plain when all of it runs left to right', () => {
  expect(catalogues.format('en', 'on', { browser: 'Firefox', system: 'Windows' })).toBe('Firefox on Windows');
  expect(catalogues.format('en', 'of', { n: 2 })).toBe('2 devices of Acme');
});

it('isolates values in a text that runs right to left', () => {
  expect(catalogues.format('ar', 'on', { browser: 'Firefox', system: 'Windows' })).toBe(
    '\u2068Firefox\u2069 على \u2068Windows\u2069',
  );
});

it('isolates a value that runs right to left, and a text in the fallback language by its own direction', () => {
  expect(catalogues.format('en', 'on', { browser: 'متصفح', system: 'Windows' })).toBe('\u2068متصفح\u2069 on Windows');
  expect(catalogues.format('ar', 'of', { n: 1 })).toBe('1 device of Acme');
});
