import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { argumentsOf } from './catalogue.ts';
import { Catalogues, readCatalogues } from './index.ts';

const folder = new URL('../../../locales/', import.meta.url);
const files = readdirSync(folder);

function read(file: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, string>;
}

describe('the catalogues of the folder', () => {
  it('are JSON files named by a language, among them en', () => {
    expect(files).toContain('en.json');
    for (const file of files) expect(file).toMatch(/^[a-z]{2,3}(-[a-z0-9]+)*\.json$/);
  });

  it('are compared by every argument, also inside plurals and dates', () => {
    expect(argumentsOf('{n, plural, one {# of {person}} other {# {at, date, moment}}}', 'en')).toEqual([
      'at',
      'n',
      'person',
    ]);
  });

  it.each(files)('%s has the keys and arguments of en, and no empty message', (file) => {
    const [english, catalogue] = [read('en.json'), read(file)];
    const locale = file.replace('.json', '');
    expect(Object.keys(catalogue).sort((a, b) => a.localeCompare(b))).toEqual(
      Object.keys(english).sort((a, b) => a.localeCompare(b)),
    );
    for (const [key, message] of Object.entries(catalogue)) {
      expect(message.trim(), key).not.toBe('');
      expect(argumentsOf(message, locale), key).toEqual(argumentsOf(english[key] ?? '', 'en'));
    }
  });

  it.each(files)('%s has no line break in a subject', (file) => {
    const subjects = Object.entries(read(file)).filter(([key]) => key.endsWith('.subject'));
    expect(subjects.length).toBeGreaterThan(0);
    for (const [key, subject] of subjects) expect(subject, key).not.toMatch(/\p{Cc}/u);
  });
});

describe('format', () => {
  const catalogues = new Catalogues(
    new Map([
      ['en', { hello: 'Hello {name}', only: 'Only here', at: '{at, date, moment}', tag: '<b>{name}</b>' }],
      ['de', { hello: 'Hallo {name}' }],
    ]),
  );

  it('prefers the region, then the language, then en', () => {
    expect(['de-AT', 'DE', 'fr', ''].map((locale) => catalogues.format(locale, 'hello', { name: 'Ada' }))).toEqual([
      'Hallo Ada',
      'Hallo Ada',
      'Hello Ada',
      'Hello Ada',
    ]);
  });

  it('falls back to en for a message that a language lacks', () => {
    expect(catalogues.format('de', 'only')).toBe('Only here');
  });

  it('never parses an argument as a message', () => {
    expect(catalogues.format('en', 'hello', { name: '{name} <b>#</b> {at, date}' })).toBe(
      'Hello {name} <b>#</b> {at, date}',
    );
  });

  it('treats markup as text', () => {
    expect(catalogues.format('en', 'tag', { name: '<i>' })).toBe('<b><i></b>');
  });

  it('formats a time with its zone', () => {
    const formatted = catalogues.format('en', 'at', { at: new Date('2026-01-02T23:04:05Z') });
    expect(formatted).toBe('January 2, 2026 at 11:04 PM UTC');
  });

  it('throws for an unknown message and for a missing argument', () => {
    expect(() => catalogues.format('en', 'nowhere')).toThrow('message "nowhere" is missing');
    expect(() => catalogues.format('en', 'hello')).toThrow();
  });
});

it('reads the folder of the server', () => {
  expect(readCatalogues().locales).toContain('en');
});
