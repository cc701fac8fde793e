import { describe, expect, it } from 'vitest';
import { pageWords, readCatalogues } from '#platform/i18n/index.ts';
import { alert, status, waitText } from './notice.ts';

const words = pageWords(readCatalogues(), 'en');

describe('waitText', () => {
  it.each([
    [undefined, 'Too many attempts. Try again in 1 minute.'],
    [0, 'Too many attempts. Try again in 1 minute.'],
    [61, 'Too many attempts. Try again in 2 minutes.'],
    [119 * 60, 'Too many attempts. Try again in 119 minutes.'],
    [119 * 60 + 1, 'Too many attempts. Try again in 2 hours.'],
    [86_400, 'Too many attempts. Try again in 24 hours.'],
  ])('rounds %s seconds up', (seconds, text) => {
    expect(waitText(words, seconds)).toBe(text);
  });
});

describe('a notice', () => {
  it('is read at once by a screen reader, and escapes its text', () => {
    expect(String(alert('<b>'))).toMatch(/role="alert">.+<p>&lt;b&gt;<\/p>/);
    expect(String(status('<b>'))).toMatch(/role="status">.+<p>&lt;b&gt;<\/p>/);
  });
});
