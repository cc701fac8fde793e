import { expect, it } from 'vitest';
import type { ProblemDocument } from '#platform/http/index.ts';
import { pageWords, readCatalogues } from '#platform/i18n/index.ts';
import { problemPage } from './problem-page.ts';

const words = pageWords(readCatalogues(), 'en');

const document = {
  title: 'Title',
  detail: 'Detail.',
  errors: [],
  meta: { requestId: 'request-1' },
} as unknown as ProblemDocument;

it('states the problem and the id of the request', () => {
  const markup = problemPage(words, document).toString();
  expect(markup).toContain('<h1>Title</h1>');
  expect(markup).toContain('Detail.');
  expect(markup).toContain('>request-1<');
});

it('lists the fields that are not valid instead of the detail, which is for programs', () => {
  const errors = [{ path: '/token', code: 'required', message: 'This field is required.' }];
  const markup = problemPage(words, { ...document, errors }).toString();
  expect(markup).toContain('<li><code>token</code>: This field is required.</li>');
  expect(markup).not.toContain('Detail.');
});
