import fc from 'fast-check';
import { expect, it } from 'vitest';
import { preferredForm } from './accept.ts';

it.each([
  ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8', 'page'],
  ['text/html', 'page'],
  ['TEXT/HTML ; q=0.5, application/json;q=0.4', 'page'],
  ['application/json', 'data'],
  ['application/problem+json, text/html;q=0.1', 'data'],
  ['application/json, text/plain, */*', 'data'],
  ['*/*', undefined],
  ['text/*', undefined],
  ['', undefined],
  ['text/html;q=0', undefined],
  ['text/html, application/json', undefined],
  ['text/html;q=2', undefined],
  [undefined, undefined],
] as const)('of %j prefers %s', (accept, form) => {
  expect(preferredForm(accept)).toBe(form);
});

it('never throws', () => {
  fc.assert(fc.property(fc.string(), (accept) => ['page', 'data', undefined].includes(preferredForm(accept))));
});
