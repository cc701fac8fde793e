import { describe, expect, it } from 'vitest';
import { type ProblemCode, problems } from '#kernel/problem.ts';
import type { ProblemDocument } from '#platform/http/index.ts';
import { pageWords, readCatalogues } from '#platform/i18n/index.ts';
import { problemPage } from './problem-page.ts';

const brand = { name: 'Acme', links: [{ kind: 'help', url: 'https://acme.example/help' }] } as const;
const catalogues = readCatalogues(brand);
const words = pageWords(catalogues, 'en');

function documentOf(code: string): ProblemDocument {
  const meta = { requestId: '01890000-0000-7000-8000-000000000000', timestamp: '2026-01-01T00:00:00.000Z' };
  return { code: code as ProblemCode, errors: [], meta } as unknown as ProblemDocument;
}

describe.each(['en', 'de'])('in %s', (lang) => {
  it.each(Object.keys(problems))('%s has a title, what happened, and what to do next', (code) => {
    const markup = problemPage(pageWords(catalogues, lang), documentOf(code)).toString();
    expect(markup).toContain(`<html lang="${lang}"`);
    expect(markup).toMatch(/<h1>[^<]+<\/h1><p>[^<]+<\/p>/);
    expect(markup).toMatch(/<a class="button[^"]*" href="(\/login)?">/);
    expect(markup).toContain('>01890000-0000<');
  });
});

it('says how long to wait', () => {
  expect(problemPage(words, documentOf('too_many_requests'), { retryAfterSeconds: 130 }).toString()).toContain(
    'Try again in 3 minutes.',
  );
});

it('leads the owner of a disabled account to the help of the operator', () => {
  expect(problemPage(words, documentOf('account_disabled')).toString()).toContain('href="https://acme.example/help"');
});

it('lists the fields that are not valid, escaped', () => {
  const errors = [{ path: '/name', code: 'required', message: 'Send <b>.' }];
  const markup = problemPage(words, { ...documentOf('validation_failed'), errors }).toString();
  expect(markup).toContain('<li>Send &lt;b&gt;.</li>');
});

it('calls a link without its secret a link that does not work', () => {
  const errors = [{ path: '/token', code: 'required', message: 'This field is required.' }];
  const markup = problemPage(words, { ...documentOf('validation_failed'), errors }).toString();
  expect(markup).toContain('<h1>This link no longer works</h1>');
  expect(markup).not.toContain('required');
});
